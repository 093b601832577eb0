#include "kv/oracle_paper.h"

#include <gtest/gtest.h>

namespace leankv::oracle {
namespace {

constexpr double kRounding = 1e-14;  // worked out by hand: a few dozen roundings of double are left

TEST(PaperOracle, SignificanceIsTheMeanOfTheMaximumOverTheGroup) {
  Head head;
  head.k = {{0}, {std::log(3.0)}};
  head.v = {{0}, {0}};
  head.q = {{{0}, {1}}, {{0}, {1}}};  // the second query: 1/2 1/2 and 1/4 3/4
  const std::vector<double> sig = paper_significance(head);
  EXPECT_NEAR(sig[0], (1 + 1.0 / 2) / 2, kRounding);
  EXPECT_NEAR(sig[1], 3.0 / 4, kRounding);
}

// All keys alike: query i gives every token 1 / (i + 1).
Head alike(int tokens) {
  Head head;
  head.k.assign(tokens, {0});
  head.v.assign(tokens, {0});
  head.q.assign(tokens, {{0}});
  return head;
}

TEST(PaperOracle, CountsTheLast64Queries) {
  const std::vector<double> sig = paper_significance(alike(100));
  double all = 0, last = 0;
  for (int i = 36; i < 100; ++i) all += 1.0 / (i + 1);
  for (int i = 98; i < 100; ++i) last += 1.0 / (i + 1);
  EXPECT_NEAR(sig[0], all / 64, kRounding);
  EXPECT_NEAR(sig[36], all / 64, kRounding);
  EXPECT_NEAR(sig[98], last / 2, kRounding);
}

TEST(PaperOracle, ChoiceIsStrict) {
  const std::vector<double> alphas = paper_alphas(2, 1, .25);
  EXPECT_EQ(paper_choose(alphas, .125, 8, 0), 0);
  EXPECT_EQ(paper_choose(alphas, .124, 8, 0), 1);
  EXPECT_EQ(paper_choose(alphas, .03125, 8, 0), 1);
  EXPECT_EQ(paper_choose(alphas, .03124, 8, 0), 2);
  EXPECT_EQ(paper_choose(alphas, 1, 8, 1), 1);
  EXPECT_EQ(paper_alphas(1, 1, .25), std::vector<double>{.25});
  EXPECT_NEAR(paper_alphas(3, 1, 1.0 / 16)[1], 1.0 / 4, kRounding);
}

TEST(PaperOracle, PromptKeepsItsWindow) {
  PaperHead head(alike(100), {1e6, 1e6});
  head.judge_prompt();
  for (int t = 0; t < 100; ++t) EXPECT_EQ(head.tier[t], t < 36 ? 2 : 0) << t;
}

TEST(PaperOracle, DecodeObservesTheLivingAndJudgesAfter64Queries) {
  PaperHead head(alike(100), {1e6, 1e6});
  head.judge_prompt();
  const double before = head.sig[36];
  head.step({{0}}, {0});  // 64 of the prompt and the new one
  EXPECT_NEAR(head.sig[36], (64 * before + 1.0 / 65) / 65, kRounding);
  EXPECT_NEAR(head.sig[100], 1.0 / 65, kRounding);
  head.review();
  for (int t = 36; t < 101; ++t) EXPECT_EQ(head.tier[t], t <= 37 ? 2 : 0) << t;  // counts 65, 64, 63, ...
}

}  // namespace
}  // namespace leankv::oracle
