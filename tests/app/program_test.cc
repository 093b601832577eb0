// Bad input gives one line and exit code 2, whatever the command.
#include "app/program.h"

#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

namespace leankv {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::StartsWith;

const std::string kTiny = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf";

class Program : public test::ProgramTest {
 protected:
  void expect_refused(const std::string& arguments, const std::string& what, const std::string& variables = "") const {
    const test::Finished f = run(arguments, "", variables);
    EXPECT_EQ(f.code, 2) << arguments;
    EXPECT_EQ(f.out, "") << arguments;
    EXPECT_EQ(std::ranges::count(f.err, '\n'), 1) << f.err;
    EXPECT_THAT(f.err, AllOf(StartsWith("leankv: "), HasSubstr(what)));
  }
};

TEST_F(Program, SaysInOneLineWhatIsWrong) {
  expect_refused("", "no command");
  expect_refused("genrate", "did you mean generate?");
  expect_refused("generate --temmp 1", "did you mean --temp?");
  expect_refused("generate -p x -c many", "-c: 'many'");
  expect_refused("generate -p x -hf user", "not of the form user/repo");
  expect_refused("generate -p x --kv off -ctk q8_0", "--kv and -ctk/-ctv");
  expect_refused("generate -m /no/such.gguf -p x", "/no/such.gguf");
  expect_refused("generate -m '" + kTiny + "' -f /no/such.txt", "/no/such.txt");
  expect_refused("generate -p x", "scripts/get-model", "LEANKV_MODEL= LEANKV_CACHE=/nowhere");
  expect_refused("generate -p x", "LEANKV_TOP_K", "LEANKV_TOP_K=several");
  expect_refused("chat --stats-json x", "unknown option --stats-json");
  expect_refused("eval", "kld or ppl");
  expect_refused("eval kld --texd x", "did you mean --text?");
  expect_refused("eval ppl -m '" + kTiny + "' --text /no/such.txt", "/no/such.txt");
  expect_refused("eval kld --text x", "LEANKV_SEGMENTS", "LEANKV_SEGMENTS=several");
  expect_refused("inspect /no/such.gguf", "/no/such.gguf");
  expect_refused("inspect --tiers --head-dim 17", "multiple of 16");
}

TEST_F(Program, RefusesDamagedFiles) {
  const std::string whole = test::whole_file(kTiny);
  ASSERT_GT(whole.size(), 5000u);
  for (std::size_t bytes : {std::size_t(0), std::size_t(3), std::size_t(100), whole.size() / 2, whole.size() - 1}) {
    std::ofstream(path("cut.gguf"), std::ios::binary) << whole.substr(0, bytes);
    expect_refused("generate -p x -m '" + path("cut.gguf") + "'", "cut.gguf");
  }
  std::ofstream(path("line\nbreak.gguf")) << "no model";
  expect_refused("inspect '" + path("line\nbreak.gguf") + "'", "\\n");
}

TEST_F(Program, PrintsHelpForItselfAndEveryCommand) {
  EXPECT_THAT(run("--help").out, AllOf(HasSubstr("leankv chat"), HasSubstr("leankv inspect")));
  EXPECT_THAT(run("--version").out, StartsWith("leankv "));
  for (const char* command : {"generate", "chat", "calibrate", "eval kld", "eval ppl", "eval", "inspect"}) {
    const test::Finished f = run(std::string(command) + " --help");
    EXPECT_EQ(f.code, 0);
    EXPECT_THAT(f.out, AllOf(HasSubstr(std::string("leankv ") + command), HasSubstr("--model")));
  }
}

TEST_F(Program, InspectsFilesAndTiers) {
  EXPECT_THAT(run("inspect '" + kTiny + "'").out, HasSubstr("token_embd.weight"));
  EXPECT_THAT(run("inspect --tiers -m '" + kTiny + "'").out, HasSubstr("K16V16"));
}

TEST_F(Program, InspectsWhatAGenerationLeftInItsCache) {
  const std::string stats = "'" + path("stats.json") + "'";
  ASSERT_EQ(run("generate -m '" + kTiny + "' -p hello -n 2 --temp 0 --stats-json " + stats).code, 0);
  const test::Finished f = run("inspect " + stats);
  EXPECT_EQ(f.code, 0) << f.err;
  EXPECT_THAT(f.out, AllOf(HasSubstr("layer head"), HasSubstr("fresh K8V8"), HasSubstr("    1    1")));
  std::ofstream(path("other.json")) << "{\"by_head\": {\"tokens\": 1}}";
  expect_refused("inspect '" + path("other.json") + "'", "no report of a cache");
}

TEST_F(Program, GeneratesToStdoutOnly) {
  const std::string arguments =
      "generate -t 1 -m '" + kTiny + "' --ignore-eos -n 5 --seed 1 --stats-json '" + path("s.json") + "'";
  const test::Finished f = run(arguments + " -p 'the king'");
  EXPECT_EQ(f.code, 0) << f.err;
  EXPECT_THAT(f.err, AllOf(HasSubstr("model    tiny.gguf"), HasSubstr("page-true")));
  EXPECT_THAT(test::whole_file(path("s.json")), AllOf(HasSubstr("\"ratio_page_true\": "), HasSubstr("\"seed\": 1")));
  EXPECT_EQ(run(arguments, "the king").out, f.out);  // the prompt from stdin, and the same seed
  EXPECT_THAT(f.out, ::testing::Not(HasSubstr("tiny.gguf")));
}

// The row `off` repeats the reference, bit by bit.
TEST_F(Program, MeasuresDivergence) {
  std::string text;
  for (int i = 0; i < 200; ++i) text += "the king and the harbour " + std::to_string(i * 37 % 101) + ". ";
  std::ofstream(path("text")) << text;
  const std::string text_and_model =
      " -t 1 -m '" + kTiny + "' --text '" + path("text") + "' --json '" + path("j") + "'";
  const test::Finished kld =
      run("eval kld --prompt-tokens 96 --score-tokens 8 --starts 3,90 --first-token 0 "
          "--policies off,forecast,q4_0:q4_0 --ratios 1.5,2" +
          text_and_model);
  EXPECT_EQ(kld.code, 0) << kld.err;
  const auto rows = nlohmann::json::parse(test::whole_file(path("j")));
  ASSERT_EQ(rows.size(), 6u);  // off, forecast twice, q4_0:q4_0, and `off` with the two faster arithmetics
  EXPECT_EQ(rows[0]["kld_mean"], 0.0);
  EXPECT_EQ(rows[2]["ratio_target"], 2.0);
  EXPECT_EQ(rows[3]["segments"][1]["start"], 90);
  EXPECT_GT(rows[3]["kld_mean"], 0.0);
  EXPECT_THAT(kld.out, HasSubstr("| q4_0:q4_0 |"));
  // The same tokens judged on their way: reviewed twice, counted at the end.
  const test::Finished decode =
      run("eval kld --decode --prompt-tokens 96 --score-tokens 24 --starts 3 --no-activations-rows "
          "--policies off,forecast+minimum_tokens=64+recent=16+review_interval=8+ratio=2" +
          text_and_model);
  EXPECT_EQ(decode.code, 0) << decode.err;
  const auto decoded = nlohmann::json::parse(test::whole_file(path("j")));
  EXPECT_EQ(decoded[0]["kld_mean"], 0.0);
  EXPECT_EQ(decoded[0]["kld_by_position"].size(), 16u);
  EXPECT_GT(decoded[1]["kld_mean"], 0.0);
  EXPECT_GT(decoded[1]["ratio_page_true"], decoded[0]["ratio_page_true"]);
  const test::Finished ppl = run("eval ppl --kv off --tokens 64 --score-from 32" + text_and_model);
  EXPECT_EQ(ppl.code, 0) << ppl.err;
  EXPECT_THAT(ppl.out, HasSubstr("over 32 tokens, cache off, activations f32"));
  EXPECT_GT(nlohmann::json::parse(test::whole_file(path("j")))["ppl"], 1.0);
}

TEST_F(Program, ConversesOverAPipe) {
  const std::string start = "chat -t 1 -n 4 --ignore-eos --seed 1 -m '" + kTiny + "'";
  const test::Finished good = run(start, "the king\n/stats\n/kv\n/quit\nnot read\n");
  EXPECT_EQ(good.code, 0) << good.err;
  EXPECT_THAT(good.out, AllOf(HasSubstr("page-true"), HasSubstr("layer head")));
  const test::Finished bad = run(start, "/nonsense\nthe king\n");
  EXPECT_EQ(bad.code, 2);
  EXPECT_THAT(bad.err, HasSubstr("leankv: unknown command /nonsense"));
  EXPECT_NE(bad.out, "");
}

}  // namespace
}  // namespace leankv
