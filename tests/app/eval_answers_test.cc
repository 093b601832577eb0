// What is read out of answers, the rules that they are held against, data files, and the counts beside `off`.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fstream>

#include "app/eval/suites/answer_text.h"
#include "app/eval/suites/answers_report.h"
#include "app/eval/suites/gsm8k.h"
#include "app/eval/suites/humaneval.h"
#include "app/eval/suites/json_lines.h"
#include "app/eval/suites/rules.h"
#include "app/eval/suites/text_windows.h"
#include "base/error.h"
#include "base/trimmed.h"

namespace leankv {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

TEST(Numbers, TheLastOfAnAnswerInOneForm) {
  EXPECT_EQ(last_number("She has 3 and 4, so 1,234."), "1234");
  EXPECT_EQ(last_number("$2.50"), "2.5");
  EXPECT_EQ(last_number("2.00 dollars"), "2");
  EXPECT_EQ(last_number("it is -7"), "-7");
  EXPECT_EQ(last_number("5-3"), "3");
  EXPECT_EQ(last_number("007"), "7");
  EXPECT_EQ(last_number("0.5"), "0.5");
  EXPECT_EQ(last_number("0"), "0");
  EXPECT_EQ(last_number("none"), "");
}

TEST(Numbers, BehindTheMarkOnly) {
  EXPECT_EQ(number_after("so 5\n#### 1,000\nand 7", "####"), "1000");
  EXPECT_EQ(number_after("#### $12", "####"), "12");
  EXPECT_EQ(number_after("#### -3", "####"), "-3");
  EXPECT_EQ(number_after("#### many 3", "####"), "");
  EXPECT_EQ(number_after("12", "####"), "");
}

TEST(Gsm8k, NotesOfTheCalculatorAreLeftOut) {
  EXPECT_EQ(without_notes("2*3=<<2*3=6>>6 and 1+1=<<1+1=2>>2"), "2*3=6 and 1+1=2");
  EXPECT_EQ(without_notes("plain"), "plain");
  EXPECT_EQ(without_notes("open <<2"), "open ");
}

TEST(CodeBody, EndsBeforeTheFirstLineThatIsNotIndented) {
  EXPECT_EQ(code_body("    return 1\n\n    # end\nprint(2)\n"), "    return 1\n\n    # end\n");
  EXPECT_EQ(code_body("    return 1\n"), "    return 1\n");
  EXPECT_EQ(code_body("    return 1"), "    return 1");
}

TEST(Rules, HoldForWhatTheyMadeAndNotForPlainSentences) {
  for (const FormRule& rule : form_rules()) {
    EXPECT_TRUE(rule.obeyed(rule.applied("Bees make \"honey\"."))) << rule.name;
    EXPECT_FALSE(rule.obeyed("Bees make honey.")) << rule.name;
    EXPECT_FALSE(rule.obeyed("")) << rule.name;
    for (const FormRule& other : form_rules()) {
      if (other.name == rule.name || other.name == "dash" || other.name == "JSON") continue;
      EXPECT_FALSE(rule.obeyed(other.applied("Bees make honey."))) << rule.name << " by " << other.name;
    }
  }
}

TEST(Rules, WordsAreMentionedInAnyCase) {
  EXPECT_TRUE(mentions("THE TAXI IS GREEN!", "the taxi is green"));
  EXPECT_FALSE(mentions("The taxi is red.", "the taxi is green"));
  EXPECT_EQ(trimmed(" \n a b \t"), "a b");
  EXPECT_EQ(trimmed(" \n"), "");
}

class DataFile : public ::testing::Test {
 protected:
  std::string write(const std::string& content) const {
    const std::string path = ::testing::TempDir() + "leankv_data.jsonl";
    std::ofstream(path, std::ios::binary) << content;
    return path;
  }
  std::string refusal(const std::string& content) const {
    try {
      read_gsm8k(write(content));
    } catch (const Error& error) {
      return error.what();
    }
    return "accepted";
  }
};

TEST_F(DataFile, FaultsAreNamedWithTheirLine) {
  EXPECT_THAT(refusal("\x1f\x8b\x08"), HasSubstr("gunzip it first"));
  EXPECT_THAT(refusal("{\"question\":\"a\",\"answer\":\"b\"}\n[1]\n"), HasSubstr("line 2: is no JSON object"));
  EXPECT_THAT(refusal("{\"question\":\"a\"}\n"), HasSubstr("line 1: has no text 'answer'"));
  EXPECT_THAT(refusal("\n"), HasSubstr("is empty"));
  EXPECT_THROW(read_gsm8k("/nowhere.jsonl"), Error);
  EXPECT_THROW(data_path("", "what"), Error);
}

TEST_F(DataFile, MathsShotsAreSolvedAndTheQuestionIsNot) {
  const auto examples =
      read_gsm8k(write("{\"question\":\"1+1?\",\"answer\":\"1+1=<<1+1=2>>2\\n#### 2\"}\n"
                       "{\"question\":\"2+2?\",\"answer\":\"4\\n#### 4,000\"}\n"));
  ASSERT_EQ(examples.size(), 2u);
  EXPECT_EQ(examples[1].number, "4000");
  EXPECT_EQ(gsm8k_shots(examples, 1), "Question: 1+1?\nAnswer: 1+1=2\n#### 2\n\n");
  EXPECT_EQ(gsm8k_question(examples[1]), "Question: 2+2?\nAnswer:");
}

TEST_F(DataFile, TheLineBreakAfterAPromptBelongsToItsSolution) {
  const auto problems =
      read_humaneval(write("{\"task_id\":\"id\",\"prompt\":\"\\n\\ndef f():\\n\",\"test\":\"\","
                           "\"canonical_solution\":\"    return 1\\n\",\"entry_point\":\"f\"}\n"));
  ASSERT_EQ(problems.size(), 1u);
  EXPECT_EQ(problems[0].prompt, "\n\ndef f():");
  EXPECT_EQ(problems[0].solution, "\n    return 1\n");
}

TEST(HumanEval, AProgramIsPromptBodyAndTests) {
  const CodeProblem p{"id", "def f():", "\n    return 1\n", "def check(g):\n    assert g() == 1\n", "f"};
  EXPECT_EQ(humaneval_program(p, "\n    return 1\nprint(2)"),
            "def f():\n    return 1\n\ndef check(g):\n    assert g() == 1\n\ncheck(f)\n");
  EXPECT_EQ(humaneval_shots({p}, 1), "def f():\n    return 1\n\n\n");
}

TEST(DataSplit, ShotsComeFirstAndMustLeaveAQuestion) {
  EXPECT_EQ(split_data(10, 8, 50).questions, 2);
  EXPECT_EQ(split_data(100, 8, 50).questions, 50);
  EXPECT_THROW(split_data(8, 8, 1), Error);
}

TEST(TextWindows, LieEvenlyAndDoNotOverlap) {
  const TextWindows two = windows_of(5000, 2048, 8);
  EXPECT_EQ(two.shape.length(), 2048 + 256 + 1);
  EXPECT_THAT(two.starts, ElementsAre(0, 5000 - 2305));
  const TextWindows four = windows_of(100'000, 2048, 4);
  ASSERT_EQ(four.starts.size(), 4u);
  EXPECT_EQ(four.starts.back(), 100'000 - 2305);
  for (std::size_t i = 1; i < 4; ++i) EXPECT_GE(four.starts[i] - four.starts[i - 1], 2305);
}

TEST(TextWindows, ShrinkToAShortTextAndRefuseNone) {
  for (const int tokens : {kLeastText, 100, 2304}) {
    const TextWindows windows = windows_of(tokens, 2048, 8);
    EXPECT_LE(windows.shape.length(), tokens);
    EXPECT_GE(windows.shape.score_tokens, 1);
    EXPECT_THAT(windows.starts, ElementsAre(0));
  }
  EXPECT_THROW(windows_of(kLeastText - 1, 2048, 8), Error);
}

TEST(AnswersReport, CountsBesideOff) {
  const auto answer = [](std::string said, int tokens, bool strict, bool flexible) {
    return MarkedAnswer{"q", "", said, said, tokens, false, {{"strict", strict}, {"flexible", flexible}}};
  };
  const EvalRow off{"off", std::nullopt, off_policy()}, small{"small", std::nullopt, parse_policy("small")};
  const std::vector<MarkedRow> rows = {{off, 1, {answer("1", 10, true, true), answer("2", 10, false, true)}},
                                       {small, 11, {answer("1", 20, false, true), answer("3", 10, true, false)}}};
  const nlohmann::ordered_json json = answers_to_json(rows);
  EXPECT_EQ(json[1]["marks"]["strict"]["held"], 1);
  EXPECT_EQ(json[1]["marks"]["flexible"]["of"], 2);
  EXPECT_EQ(json[1]["of_off"]["held"], 1);
  EXPECT_EQ(json[1]["of_off"]["of"], 3);
  EXPECT_EQ(json[1]["same_as_off"]["held"], 1);
  EXPECT_EQ(json[1]["length_over_off"], 1.5);
  EXPECT_THAT(answers_to_markdown(rows),
              HasSubstr("| small |  | 11.00 | 1 of 2 | 1 of 2 | 1 of 3 | 1 of 2 | 1.50 | 0 |"));
}

}  // namespace
}  // namespace leankv
