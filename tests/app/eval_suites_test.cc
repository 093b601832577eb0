// Every suite on a tiny model: what it asks, and that its tables and files come out.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "app/eval/suites/multi_cells.h"
#include "app/eval_outcome.h"
#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;

const std::string kTiny = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf";

class Suites : public ::testing::Test {
 protected:
  Suites() : folder_(::testing::TempDir() + "leankv_suites_" + name()) {
    std::filesystem::create_directories(folder_);
    std::ofstream(model(), std::ios::binary) << with_context(read_file(kTiny), 8192);
  }
  ~Suites() override { std::filesystem::remove_all(folder_); }

  static std::string name() { return ::testing::UnitTest::GetInstance()->current_test_info()->name(); }
  std::string path(const std::string& file) const { return folder_ + "/" + file; }
  std::string model() const { return path("model.gguf"); }

  // The tiny model's context of 512 tokens is short for conversations in its 288 tokens.
  static std::string with_context(std::string file, uint32_t context) {
    const std::string key = "llama.context_length";
    std::memcpy(&file[file.find(key) + key.size() + 4], &context, 4);  // behind 4 bytes of type
    return file;
  }

  std::string folder_;
};

TEST_F(Suites, MultiAsksForEachInstructionFactAndRule) {
  const SuiteModel tiny(model());
  const Filler filler(tiny.tokenizer(), "One two three. Four five six. Seven eight.", "text");
  const std::vector<MultiCell> cells = make_multi_cells(tiny, filler, 3000, 1, 1);
  ASSERT_EQ(cells.size(), 2 + form_rules().size());
  for (const MultiCell& c : cells) {
    const std::string context = tiny.tokenizer().decode(c.cell.context);
    ASSERT_EQ(c.cell.questions.size(), c.checks.size());
    for (std::size_t q = 0; q < c.checks.size(); ++q) {
      EXPECT_THAT(tiny.tokenizer().decode(c.cell.questions[q]), HasSubstr(c.checks[q].asked));
      EXPECT_THAT(context, ::testing::Not(HasSubstr(c.checks[q].asked)));
      EXPECT_THAT(context, HasSubstr(c.checks[q].rule ? c.checks[q].rule->words : c.checks[q].expected));
    }
  }
  EXPECT_EQ(cells[0].checks.size(), std::size_t(kInstructions));
  EXPECT_TRUE(cells[0].checks[0].holds("Well: " + cells[0].checks[0].expected + "!"));
  EXPECT_FALSE(cells[0].checks[0].holds(cells[0].checks[1].expected));
}

TEST_F(Suites, MultiRunsOnAModelWithoutAChatTemplate) {
  const std::string out = eval_outcome({"multi", "-m", model(), "--trials", "1", "--lengths", "1500", "--policies",
                                        "q8_0:q8_0", "-t", "1", "--json", path("m.json")});
  EXPECT_THAT(out, HasSubstr("| instructions | facts | capitals | beginning | last word | JSON | dash |"));
  const auto json = nlohmann::json::parse(read_file(path("m.json")));
  EXPECT_EQ(json["rows"][1]["answers"].size(), 8u + 6 + 5 * 6);
  EXPECT_EQ(json["rows"][1]["same_as_off"]["of"], 44);
}

TEST_F(Suites, MathsIsAskedBehindItsShots) {
  std::ofstream(path("d.jsonl")) << R"({"question":"1+1?","answer":"#### 2"})"
                                 << "\n"
                                 << R"({"question":"2+2?","answer":"#### 4"})"
                                 << "\n";
  const std::string out = eval_outcome({"gsm8k", "-m", model(), "--data", path("d.jsonl"), "--shots", "1", "--policies",
                                        "off", "--max-tokens", "4", "-t", "1", "--json", path("g.json")});
  EXPECT_THAT(out, HasSubstr("| strict | flexible | of what holds at off | same as off | answer length / off | cut |"));
  const auto json = nlohmann::json::parse(read_file(path("g.json")));
  EXPECT_EQ(json["settings"]["question"], "within");
  ASSERT_EQ(json["rows"][0]["answers"].size(), 1u);
  EXPECT_EQ(json["rows"][0]["answers"][0]["expected"], "4");
  EXPECT_LE(json["rows"][0]["answers"][0]["tokens"], 4);
}

TEST_F(Suites, CodeIsRunOnlyWhereTheUserSaysSo) {
  const std::string problem =
      R"({"task_id":"T","prompt":"def f():\n","canonical_solution":"    return 1\n","test":"def check(g):\n    assert g()\n","entry_point":"f"})";
  std::ofstream(path("h.jsonl")) << problem << "\n" << problem << "\n";
  const std::vector<std::string> words = {"humaneval", "-m", model(),      "--data", path("h.jsonl"),
                                          "--shots",   "1",  "--policies", "off",    "--max-tokens",
                                          "4",         "-t", "1"};
  EXPECT_THAT(eval_outcome(words), ::testing::Not(HasSubstr("passed")));
  std::vector<std::string> with = words;
  with.push_back("--execute");
  EXPECT_THAT(eval_outcome(with), ::testing::AnyOf(HasSubstr("| passed |"), HasSubstr("python3 cannot be run")));
}

TEST_F(Suites, TextMeasuresTheUsersFile) {
  std::string text;
  for (int i = 0; i < 40; ++i)
    text += "The quick brown fox number " + std::to_string(i) + " jumps over the lazy dog.\n";
  std::ofstream(path("t.txt")) << text;
  const std::string out = eval_outcome({"text", path("t.txt"), "-m", model(), "--window", "256", "--windows", "2",
                                        "--policies", "q8_0:q8_0", "-t", "1", "--json", path("t.json")});
  EXPECT_THAT(out, HasSubstr("2 windows of 256 + 32 tokens"));
  EXPECT_THAT(out, HasSubstr("| KLD mean |"));
  EXPECT_EQ(nlohmann::json::parse(read_file(path("t.json"))).size(), 2u);
}

TEST_F(Suites, MissingDataIsSaidBeforeAModelIsRead) {
  EXPECT_THAT(eval_outcome({"gsm8k", "-m", model()}), HasSubstr("no data: give --data FILE, the test split of GSM8K"));
  EXPECT_THAT(eval_outcome({"humaneval", "-m", model()}), HasSubstr("no data: give --data FILE, HumanEval.jsonl"));
  EXPECT_THAT(eval_outcome({"gsm8k", "-m", model(), "--data", path("none")}), HasSubstr("cannot be read"));
  EXPECT_THAT(eval_outcome({"text", "-m", model()}), HasSubstr("one file is measured: leankv eval text FILE"));
  EXPECT_THAT(eval_outcome({"text", path("none"), "-m", model()}), HasSubstr("cannot be read"));
  EXPECT_THAT(eval_outcome({"multi", "--lengths", "600,700", "-m", model()}), HasSubstr("one length here"));
}

}  // namespace
}  // namespace leankv
