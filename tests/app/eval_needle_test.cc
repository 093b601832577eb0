// Prompts of exactly the length that was asked for, with the numbers where they should be; what is counted; and the
// whole suite on a tiny model.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <set>

#include "app/eval/suites/answer_text.h"
#include "app/eval/suites/filler.h"
#include "app/eval/suites/needle_cells.h"
#include "app/eval/suites/needle_report.h"
#include "app/eval/suites/runner.h"
#include "app/eval_outcome.h"
#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

const std::string kTiny = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf";
constexpr const char* kText = "One two. Three \"four!\" Five\nsix? 7.5 is no end. And so";

class NeedleCells : public ::testing::Test {
 protected:
  SuiteModel model_{kTiny};
  Filler filler_{model_.tokenizer(), kText, "text"};
  NeedleGrid grid_{{NeedleTask::kPasskey, NeedleTask::kPairs}, {400, 900}, {100, 0, 50}, 2, 7};
  std::vector<NeedleCell> cells_ = make_needle_cells(model_, filler_, grid_);

  std::string text(const std::vector<int>& tokens) const { return model_.tokenizer().decode(tokens, true); }
};

TEST(Sentences, EndBehindTheirPunctuationAndAtLines) {
  EXPECT_THAT(split_sentences(kText),
              ElementsAre("One two.", " Three \"four!\"", " Five", "\nsix?", " 7.5 is no end.", " And so"));
  EXPECT_TRUE(split_sentences("").empty());
}

TEST_F(NeedleCells, AFillersPiecesGoRoundTheText) {
  const int size = int(model_.tokenizer().encode(kText, false).size());
  const Filler::Piece piece = filler_.piece(1, 2 * size);
  const std::string begin = " Three \"four!\" Five\nsix? 7.5 is no end. And soOne two. Three";
  EXPECT_EQ(text(piece.tokens).substr(0, begin.size()), begin);
  EXPECT_EQ(piece.tokens.size(), std::size_t(2 * size));
  EXPECT_EQ(piece.places.front(), 0);
  EXPECT_EQ(piece.places.back(), 2 * size);
  for (const int place : piece.places) {
    if (place == 0 || place == 2 * size) continue;
    EXPECT_THAT(text({piece.tokens.begin() + place - 1, piece.tokens.begin() + place}),
                ::testing::MatchesRegex("[.\"?eo]"))
        << place;
  }
}

TEST(Places, TheNearestIsTaken) {
  const Filler::Piece piece{std::vector<int>(100), {0, 30, 60, 100}};
  EXPECT_EQ(place_at(piece, 0), 0);
  EXPECT_EQ(place_at(piece, 0.4), 30);
  EXPECT_EQ(place_at(piece, 0.5), 60);
  EXPECT_EQ(place_at(piece, 1), 100);
}

TEST_F(NeedleCells, APasskeyHasAPromptPerDepthAndPairsHaveOneForAll) {
  ASSERT_EQ(cells_.size(), 2u * 2 * 3 + 2 * 2);
  std::set<std::string> keys;
  for (const NeedleCell& c : cells_) {
    keys.insert(c.cell.key);
    EXPECT_EQ(c.cell.context.size(), std::size_t(c.length)) << c.cell.key;
    EXPECT_EQ(c.cell.questions.size(), c.needles.size());
    EXPECT_EQ(c.needles.size(), c.task == NeedleTask::kPasskey ? 1u : 3u);
  }
  EXPECT_EQ(keys.size(), cells_.size());
}

TEST_F(NeedleCells, EveryNumberStandsOnceInItsPromptAndInNoQuestion) {
  for (const NeedleCell& c : cells_) {
    const std::string context = text(c.cell.context);
    for (const Needle& n : c.needles) {
      EXPECT_EQ(n.expected.size(), 5u);
      const std::size_t at = context.find(n.expected);
      ASSERT_NE(at, context.npos) << c.cell.key;
      EXPECT_EQ(context.find(n.expected, at + 1), context.npos);
      for (const auto& q : c.cell.questions) EXPECT_EQ(text(q).find(n.expected), std::string::npos);
    }
  }
}

TEST_F(NeedleCells, DepthIsTheShareOfTheTextBefore) {
  const auto place = [&](const NeedleCell& c) {  // share of the context's bytes
    const std::string context = text(c.cell.context);
    return double(context.find(c.needles[0].expected)) / double(context.size());
  };
  const auto at = [&](int depth) {
    return *std::ranges::find_if(cells_, [&](const NeedleCell& c) {
      return c.task == NeedleTask::kPasskey && c.length == 900 && c.needles[0].depth == depth;
    });
  };
  EXPECT_LT(place(at(0)), place(at(50)));
  EXPECT_LT(place(at(50)), place(at(100)));
  EXPECT_THAT(text(at(100).cell.context), ::testing::EndsWith(at(100).needles[0].expected + "."));
}

TEST_F(NeedleCells, PairsAskForTheirOwnName) {
  const NeedleCell& c = cells_.back();
  ASSERT_EQ(c.task, NeedleTask::kPairs);
  std::set<std::string> names, numbers;
  for (std::size_t i = 0; i < c.needles.size(); ++i) {
    names.insert(c.needles[i].key);
    numbers.insert(c.needles[i].expected);
    EXPECT_THAT(text(c.cell.questions[i]), HasSubstr("What is the secret number of " + c.needles[i].key));
    EXPECT_THAT(text(c.cell.context), HasSubstr(c.needles[i].key + " is " + c.needles[i].expected));
  }
  EXPECT_EQ(names.size(), c.needles.size());
  EXPECT_EQ(numbers.size(), c.needles.size());
}

TEST_F(NeedleCells, TheSeedDrawsTheNumbers) {
  EXPECT_EQ(make_needle_cells(model_, filler_, grid_)[0].needles[0].expected, cells_[0].needles[0].expected);
  grid_.seed = 8;
  EXPECT_NE(make_needle_cells(model_, filler_, grid_)[0].needles[0].expected, cells_[0].needles[0].expected);
}

TEST_F(NeedleCells, ALengthWithoutRoomIsRefused) {
  grid_.lengths = {20};
  EXPECT_THROW(make_needle_cells(model_, filler_, grid_), Error);
}

TEST(FirstDigits, AreTheFirstRunOfThem) {
  EXPECT_EQ(first_digits(" 12345. Not 9"), "12345");
  EXPECT_EQ(first_digits("1234 5"), "1234");
  EXPECT_EQ(first_digits("none"), "");
}

TEST(NeedleScores, CountWhatOffRetrievesApart) {
  const std::vector<NeedleCell> cells = {
      {NeedleTask::kPairs, 512, 0, {{0, "Rome", "11111"}, {50, "Oslo", "22222"}, {100, "Lima", "33333"}}, {}}};
  const auto answers = [](std::vector<std::string> texts) {
    CellResult result{100, 50, {}, {}};
    for (const std::string& t : texts) result.answers.push_back({t, 5, FinishReason::kStop});
    return std::vector<CellResult>{result};
  };
  const EvalRow off{"off", std::nullopt, off_policy()}, small{"small", std::nullopt, parse_policy("small")};
  const std::vector<NeedleRow> rows = {score_needles(off, cells, answers({" 11111.", "22222", "no"})),
                                       score_needles(small, cells, answers({"11111", "2222", "33333"}))};
  const nlohmann::ordered_json json = needles_to_json(rows);
  EXPECT_EQ(json[1]["kv"]["found"], 2);
  EXPECT_EQ(json[1]["kv"]["asked"], 3);
  EXPECT_EQ(json[1]["of_off"]["found"], 1);
  EXPECT_EQ(json[1]["of_off"]["asked"], 2);
  EXPECT_EQ(json[1]["outcomes"][1]["found"], false);
  EXPECT_THAT(needles_to_markdown(rows), HasSubstr("| small |  | 2.00 | 2 of 3 | 1 of 2 |"));
}

TEST(SuiteRows, OffIsFirstWhetherItIsNamedOrNot) {
  SuiteOptions options;
  options.policies = "safe,off,small";
  EXPECT_EQ(suite_rows(options, Activations::kExact)[0].name, "off");
  EXPECT_EQ(suite_rows(options, Activations::kExact)[1].name, "safe");
  EXPECT_EQ(suite_rows(options, Activations::kExact).size(), 3u);
  options.policies = "paper";
  const std::vector<EvalRow> rows = suite_rows(options, Activations::kExact);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].name, "off");
  EXPECT_EQ(rows[1].ratio_target, kSuiteRatios[0]);
}

TEST(NeedleSuite, RunsOnAnyModelAskedAfterOrWithin) {
  const std::string json = ::testing::TempDir() + "leankv_needle_suite.json";
  for (const char* where : {"after", "within"}) {
    std::filesystem::remove(json + ".part");
    const std::string out =
        eval_outcome({"needle", "-m", kTiny, "--lengths", "300", "--depths", "0,100", "--policies",
                      "forecast+ratio=4+minimum_tokens=64,q8_0:q8_0", "--question", where, "--json", json, "-t", "1"});
    EXPECT_THAT(out, HasSubstr("| policy | target | page-true ratio | passkey | kv | of what off retrieves |"));
    const auto result = nlohmann::json::parse(read_file(json));
    EXPECT_EQ(result["settings"]["question"], where);
    ASSERT_EQ(result["rows"].size(), 3u);
    for (const auto& row : result["rows"]) EXPECT_EQ(row["outcomes"].size(), 4u);
    EXPECT_GT(result["rows"][1]["ratio_page_true"].get<double>(), 1)
        << "16 bit takes more than its codes: was it judged?";
    EXPECT_TRUE(result["rows"][1]["outcomes"][0]["kept"].contains("pruned"));
  }
  std::filesystem::remove(json);
}

TEST(NeedleSuite, RefusesWhatCannotBe) {
  EXPECT_THAT(eval_outcome({"needle", "-m", kTiny}), HasSubstr("the model's context of 512 tokens has no room"));
  EXPECT_THAT(eval_outcome({"needle", "-m", kTiny, "--lengths", "600"}), HasSubstr("the model's context is 512"));
  EXPECT_THAT(eval_outcome({"needle", "-m", kTiny, "--lengths", "300", "--text", "/nowhere"}),
              HasSubstr("cannot be read"));
  EXPECT_THAT(eval_outcome({"needle", "-m", kTiny, "--tasks", "hay"}), HasSubstr("'hay' is neither passkey nor kv"));
  EXPECT_THAT(eval_outcome({"needle", "--question", "before"}), HasSubstr("'before' is neither after nor within"));
  EXPECT_THAT(eval_outcome({"needle", "512"}), HasSubstr("unexpected argument '512'"));
}

}  // namespace
}  // namespace leankv
