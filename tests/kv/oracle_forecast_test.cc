#include "kv/oracle_forecast.h"

#include <gtest/gtest.h>

namespace leankv::oracle {
namespace {

// The numbers below are worked out by hand; what is left is a few dozen roundings of double.
constexpr double kRounding = 1e-14;

// Keys of one channel, chosen so that a query of 1 or 0 gives probabilities that are fractions.
Head three_tokens() {
  Head head;
  head.k = {{0}, {std::log(3.0)}, {std::log(4.0)}};
  head.v = {{1}, {2}, {3}};
  head.q = {{{0}, {1}}, {{0}, {1}}, {{0}, {1}}};  // head 0 sees all alike, head 1 in proportion 1 : 3 : 4
  return head;
}

TEST(ForecastOracle, Attention) {
  const Head head = three_tokens();
  EXPECT_EQ(attention(head, 0, 1), std::vector<double>{1});
  const std::vector<double> p = attention(head, 2, 1);
  EXPECT_NEAR(p[0], 1.0 / 8, kRounding);
  EXPECT_NEAR(p[1], 3.0 / 8, kRounding);
  EXPECT_NEAR(p[2], 4.0 / 8, kRounding);
  const std::vector<double> q = attention({1}, head.k, {1, 0, 1}, 3);
  EXPECT_NEAR(q[0], 1.0 / 5, kRounding);
  EXPECT_EQ(q[1], 0);
  EXPECT_NEAR(q[2], 4.0 / 5, kRounding);
}

TEST(ForecastOracle, AttentionDividesByTheRootOfTheDimension) {
  const std::vector<double> p = attention({1, 1, 1, 1}, {{0, 0, 0, 0}, {std::log(9.0), 0, 0, 0}}, {1, 1}, 2);
  EXPECT_NEAR(p[1], 3.0 / 4, kRounding);  // exp(log(9) / 2) = 3
}

TEST(ForecastOracle, SignificanceIsTheSumOverTheGroupOfMeanSquares) {
  const std::vector<double> a = significance(three_tokens(), 0, 3);
  EXPECT_NEAR(a[0], (1 + 1.0 / 4 + 1.0 / 9) / 3 + (1 + 1.0 / 16 + 1.0 / 64) / 3, kRounding);
  EXPECT_NEAR(a[1], (1.0 / 4 + 1.0 / 9) / 2 + (9.0 / 16 + 9.0 / 64) / 2, kRounding);
  EXPECT_NEAR(a[2], 1.0 / 9 + 1.0 / 4, kRounding);
  const std::vector<double> older = significance(three_tokens(), 0, 2);
  EXPECT_NEAR(older[1], 1.0 / 4 + 9.0 / 16, kRounding);
  EXPECT_EQ(older[2], 0);
}

// One key against ever more: every query sees all tokens alike, so a^2 = 1 / n^2 for the query that sees n.
TEST(ForecastOracle, ScoreBlendsWindowsInLevels) {
  Head head;
  for (int t = 0; t < 16; ++t) head.k.push_back({0}), head.v.push_back({0}), head.q.push_back({{0}});
  double all = 0, wide = 0, near = 0;
  for (int n = 1; n <= 12; ++n) {
    all += 1.0 / n / n / 12;
    if (n > 4) wide += 1.0 / n / n / 8;
    if (n > 10) near += 1.0 / n / n / 2;
  }
  const double blend = 0.2 * std::log2(all) + 0.5 * std::log2(wide) + 0.3 * std::log2(near);
  EXPECT_NEAR(std::log2(score(head, 12, 8)[0]), blend, 1.0 / 64);  // half a level of the parts, half of the sum
  head.k[0] = {-100}, head.q.assign(16, {{0}});
  for (int t = 8; t < 16; ++t) head.q[t] = {{50}};  // nobody sees token 0 any more
  const std::vector<double> a = significance(head, 0, 16);
  EXPECT_NEAR(std::log2(score(head, 16, 8)[0]), std::log2(a[0]) - 0.8 * 9, 1.0 / 64);
}

TEST(ForecastOracle, ImportanceFollowsThePoints) {
  std::vector<double> past, future;
  for (int i = 0; i < 9; ++i) past.push_back(std::pow(10, i - 9)), future.push_back(std::pow(10, -std::abs(i - 4)));
  const Points points = fit(past, future);  // bins of 2, 1, 1, ...
  EXPECT_NEAR(points.x[0], std::log10(5.5e-9 + 1e-14), kRounding);
  EXPECT_NEAR(points.y[0], std::log10(5.5e-4 + 1e-14), kRounding);
  EXPECT_NEAR(points.y[3], 0, kRounding);
  EXPECT_NEAR(points.y[7], 0, kRounding);  // the running maximum
  EXPECT_NEAR(importance(points, 0), 5.5e-4 + 1e-14, kRounding);
  EXPECT_NEAR(importance(points, 1e-20), 5.5e-4 + 1e-14, kRounding);
  EXPECT_NEAR(importance(points, 1e-1 * 7), 7, 1e-11);  // slope 1 above 10^-1, where it is 1
}

TEST(ForecastOracle, Costs) {
  Head head;
  for (int t = 0; t < 6; ++t) {
    head.k.push_back({0, 0}), head.v.push_back({double(t % 2), 0}), head.q.push_back({{0, 2}});
  }
  std::vector<std::vector<Row>> k(1, head.k), v(1, head.v);
  k[0][4] = {0, 3}, v[0][5] = {1, 2}, k[0][0] = {100, 100};  // token 0 is not counted
  // The last query sees six alike: o = (.5, 0), ||v - o||^2 = .25, r = .25 * 8 = 2. C = 4 / 2 = 2; ek = 9 / 2 * 2 / 2,
  // ev = 4 / 2 * 8, w = 1 / 10.
  const std::vector<double> cost = costs(head, k, v, {8, 10, 2}, 1);
  EXPECT_NEAR(cost[0], (2 * 4.5 + 16) / 10, kRounding);
  EXPECT_NEAR(cost[1], 2 * 2 / 10.0, kRounding);
}

TEST(ForecastOracle, Choice) {
  const std::vector<double> cost = {0, 1, 10};
  const std::vector<int> bytes = {4, 1};
  EXPECT_EQ(choose(cost, bytes, 1, 0.05, 0), 2);  // 4, 1.05, .5
  EXPECT_EQ(choose(cost, bytes, 1, 1, 0), 1);     // 4, 2, 10
  EXPECT_EQ(choose(cost, bytes, 1, 4, 0), 0);     // 4, 5, 40
  EXPECT_EQ(choose(cost, bytes, 1, 4, 1), 1);     // never raised
  EXPECT_EQ(choose(cost, bytes, 1, 3, 0), 0);     // 4, 4: the better
}

TEST(ForecastOracle, DecodeJudgesAfter64QueriesAndNeverRaises) {
  Head prompt;
  prompt.k = {{0}, {0}};
  prompt.v = {{0}, {0}};
  prompt.q = {{{0}}, {{0}}};
  Points identity;
  for (int i = 0; i < 8; ++i) identity.x.push_back(i - 8), identity.y.push_back(i - 8);
  ForecastHead head(prompt, significance(prompt, 0, 2), identity, {0, 1}, {1});
  EXPECT_NEAR(head.a[0], (1 + 1.0 / 4) / 2, kRounding);
  EXPECT_EQ(head.count, (std::vector<double>{2, 1}));
  double sum = 1 + 1.0 / 4;
  for (int i = 0; i < 64; ++i) {
    head.step({{0}}, {0});
    sum += 1.0 / (3 + i) / (3 + i);
  }
  EXPECT_NEAR(head.a[0], sum / 66, kRounding);
  head.review(1e3);                                                           // prunes whatever is judged
  for (int t = 0; t < 66; ++t) EXPECT_EQ(head.tier[t], t <= 2 ? 1 : 0) << t;  // token 2 joined at the first step: 64
  head.step({{0}}, {0});
  EXPECT_NEAR(head.a.back(), 1.0 / 64 / 64, kRounding);  // 67 tokens less the three pruned
  head.review(0);
  EXPECT_EQ(head.tier[0], 1);
  EXPECT_EQ(head.tier[3], 0);
}

}  // namespace
}  // namespace leankv::oracle
