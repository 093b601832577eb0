#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <numeric>
#include <random>
#include <vector>

#include "kv/policy.h"

namespace leankv {
namespace {

struct Problem {
  HeadConstants constants;
  Curve curve;
  std::vector<int> bytes;
  double lambda = 0;
};

Curve random_curve(std::mt19937& random) {
  std::uniform_real_distribution<float> step(0, 1.5f);
  Curve curve;
  float x = -16 + 4 * step(random), y = -14 + 4 * step(random);
  for (int i = 0; i < kCurvePoints; ++i) {
    curve.log_past[i] = x;
    curve.log_future[i] = y;
    if (random() % 6 != 0) x += step(random);  // now and then two points at one place, or a flat piece
    if (random() % 4 != 0) y += step(random);
  }
  return curve;
}

// Costs in any order: now and then equal, or a better tier that costs more and so is never optimal.
Problem random_problem(std::mt19937& random) {
  std::uniform_real_distribution<double> octave(-20, 20), narrow(-3, 3);
  Problem p;
  const int tiers = 1 + int(random() % kMaxPolicyTiers);
  int bytes = 20;
  for (int i = 0; i < tiers; ++i) p.bytes.insert(p.bytes.begin(), bytes += 1 + int(random() % 60));
  const double scale = std::exp2(octave(random));
  for (int i = 0; i <= tiers; ++i) p.constants.cost[i] = scale * std::exp2(i + narrow(random));
  if (random() % 4 == 0) p.constants.cost[1] = p.constants.cost[0];
  if (random() % 8 == 0) p.constants.cost[0] = 0;
  p.curve = random_curve(random);
  p.lambda = std::exp2(octave(random) - 30);
  if (random() % 16 == 0) p.lambda = 0;
  if (random() % 16 == 0) p.lambda = std::exp2(30);
  return p;
}

double objective(const Problem& p, int choice, double importance) {
  const double bytes = choice < int(p.bytes.size()) ? p.bytes[choice] : 0;
  return p.constants.cost[choice] * importance + p.lambda * bytes;
}

double importance_of(const Problem& p, int level) {
  constexpr double kLog10Of2 = 0.30102999566398119521;
  const float past = level == 0 ? -std::numeric_limits<float>::infinity() : float(level_log2(level) * kLog10Of2);
  return std::pow(10.0, double(forecast_log10(p.curve, past)));
}

int brute_force(const Problem& p, int current, double importance) {
  int best = current;
  for (int i = current + 1; i <= int(p.bytes.size()); ++i) {
    if (objective(p, i, importance) < objective(p, best, importance)) best = i;
  }
  return best;
}

// The same choice as the argmin of every level. Where they differ, both objectives must be equal to rounding: the
// thresholds and the objectives take some ten roundings of double each, on numbers up to 16 in the exponent of ten.
TEST(ForecastThresholds, AreTheArgminAtEveryLevel) {
  std::mt19937 random(5);
  int64_t differ = 0, levels = 0;
  for (int trial = 0; trial < 300; ++trial) {
    const Problem p = random_problem(random);
    const HeadThresholds thresholds = forecast_thresholds(p.constants, p.curve, p.bytes, p.lambda);
    for (int level = 0; level < kSignificanceLevels; ++level) {
      const double importance = importance_of(p, level);
      for (int current = 0; current < int(p.bytes.size()); ++current, ++levels) {
        const int chosen = thresholds.choose(current, level), best = brute_force(p, current, importance);
        if (chosen == best) continue;
        ++differ;
        const double expected = objective(p, best, importance);
        ASSERT_NEAR(objective(p, chosen, importance), expected, expected * 1e-13)
            << "trial " << trial << " level " << level << " from " << current << ": " << chosen << ", best " << best;
      }
    }
  }
  EXPECT_LT(differ, levels / 1000);  // equal objectives are rare: the comparison above is not empty
}

TEST(ForecastThresholds, NothingCostsWithoutLambda) {
  std::mt19937 random(6);
  Problem p = random_problem(random);
  for (int i = 0; i <= int(p.bytes.size()); ++i) p.constants.cost[i] = i + 1;
  const HeadThresholds thresholds = forecast_thresholds(p.constants, p.curve, p.bytes, 0);
  for (int current = 0; current < int(p.bytes.size()); ++current) EXPECT_EQ(thresholds.choose(current, 0), current);
}

TEST(ForecastThresholds, TiesGoToTheBetterTier) {
  Problem p;
  p.bytes = {4, 2};
  p.constants.cost[0] = 0, p.constants.cost[1] = 2, p.constants.cost[2] = 4;
  for (int i = 0; i < kCurvePoints; ++i) p.curve.log_past[i] = float(i - 8), p.curve.log_future[i] = 0;  // importance 1
  p.lambda = 1;  // objectives 4, 4, 4
  EXPECT_EQ(forecast_thresholds(p.constants, p.curve, p.bytes, 1).choose(0, 0), 0);
  EXPECT_EQ(forecast_thresholds(p.constants, p.curve, p.bytes, 1).choose(1, 0), 1);
  EXPECT_EQ(forecast_thresholds(p.constants, p.curve, p.bytes, 1.001).choose(0, 0), 2);
}

TEST(ForecastThresholds, MoreSignificantIsNeverWorseAndMoreLambdaNeverBetter) {
  std::mt19937 random(8);
  for (int trial = 0; trial < 50; ++trial) {
    const Problem p = random_problem(random);
    const auto at = forecast_thresholds(p.constants, p.curve, p.bytes, p.lambda);
    const auto beyond = forecast_thresholds(p.constants, p.curve, p.bytes, 2 * p.lambda);
    for (int current = 0; current < int(p.bytes.size()); ++current) {
      int previous = int(p.bytes.size());
      for (int level = 0; level < kSignificanceLevels; level += 3) {
        const int chosen = at.choose(current, level);
        ASSERT_LE(chosen, previous);
        ASSERT_GE(chosen, current);
        ASSERT_GE(beyond.choose(current, level), chosen);
        previous = chosen;
      }
    }
  }
}

TEST(PaperThresholds, StrictlyBelowIsWorse) {
  // 1 / 1024 and 1 / 4096 are levels themselves: a token exactly there goes to the better class.
  const HeadThresholds thresholds = paper_thresholds(2, 1, .25, 1024);
  const int high = nearest_level(std::ldexp(1.0f, -10)), low = nearest_level(std::ldexp(1.0f, -12));
  EXPECT_EQ(thresholds.choose(0, high), 0);
  EXPECT_EQ(thresholds.choose(0, high - 1), 1);
  EXPECT_EQ(thresholds.choose(0, low), 1);
  EXPECT_EQ(thresholds.choose(0, low - 1), 2);
  EXPECT_EQ(thresholds.choose(1, high), 1);  // never raised
  EXPECT_EQ(thresholds.choose(1, low - 1), 2);
}

TEST(PaperThresholds, EveryLevelAgainstItsMean) {
  for (const int64_t tokens : {1, 100, 4097, 1000000}) {
    const HeadThresholds thresholds = paper_thresholds(2, 1.1, .02, tokens);
    for (int level = 0; level < kSignificanceLevels; ++level) {
      const double mean = level_mean(level);
      const int expected = mean < .02 / double(tokens) ? 2 : mean < 1.1 / double(tokens) ? 1 : 0;
      ASSERT_EQ(thresholds.choose(0, level), expected) << tokens << " " << level;
    }
  }
}

TEST(PaperThresholds, ZeroAlphasKeepEverything) {
  EXPECT_EQ(paper_thresholds(2, 1, 0, 64).choose(0, 0), 1);
  EXPECT_EQ(paper_thresholds(2, 0, 0, 64).choose(0, 0), 0);
  EXPECT_EQ(paper_thresholds(1, 1, 0, 64).choose(0, 0), 0);
}

TEST(PaperThresholds, MoreTiersLieGeometricallyBetween) {
  const HeadThresholds thresholds = paper_thresholds(3, 1, 1.0 / 64, 1);
  EXPECT_EQ(thresholds.floor[0][0], nearest_level(1.0f));
  EXPECT_EQ(thresholds.floor[0][1], nearest_level(1.0f / 8));
  EXPECT_EQ(thresholds.floor[0][2], nearest_level(1.0f / 64));
}

TEST(HeadHistogram, CountsFromALevelUp) {
  HeadHistogram histogram(2);
  for (const int level : {5, 0, 4095, 5, 7}) histogram.add(1, level);
  histogram.finish();
  EXPECT_EQ(histogram.at_least(0, 0), 0u);
  EXPECT_EQ(histogram.at_least(1, 0), 5u);
  EXPECT_EQ(histogram.at_least(1, 1), 4u);
  EXPECT_EQ(histogram.at_least(1, 5), 4u);
  EXPECT_EQ(histogram.at_least(1, 6), 2u);
  EXPECT_EQ(histogram.at_least(1, 4095), 1u);
  EXPECT_EQ(histogram.at_least(1, kSignificanceLevels), 0u);
}

TEST(TokensAfter, EqualsChoosingTokenByToken) {
  std::mt19937 random(9);
  for (int trial = 0; trial < 100; ++trial) {
    const Problem p = random_problem(random);
    const int tiers = int(p.bytes.size());
    const HeadThresholds thresholds = forecast_thresholds(p.constants, p.curve, p.bytes, p.lambda);
    HeadHistogram histogram(tiers);
    std::array<uint32_t, kMaxPolicyTiers + 1> expected{};
    for (int i = 0; i < 500; ++i) {
      const int tier = int(random() % tiers), level = int(random() % kSignificanceLevels);
      histogram.add(tier, level);
      ++expected[thresholds.choose(tier, level)];
    }
    histogram.finish();
    EXPECT_EQ(tokens_after(histogram, thresholds), expected);
  }
}

TEST(HeadHistogramTest, PinnedTokensEndInTheLastTierInsteadOfNowhere) {
  HeadHistogram histogram(2);
  for (const int level : {10, 20, 30, 40}) histogram.add(0, level, level < 30);
  for (const int level : {10, 20}) histogram.add(1, level, level == 10);
  histogram.finish();
  HeadThresholds thresholds;
  thresholds.tiers = 2;
  thresholds.floor[0][0] = 35, thresholds.floor[0][1] = 15, thresholds.floor[1][1] = 25;
  const std::array<uint32_t, kMaxPolicyTiers + 1> expected = {1, 4, 1};  // 40; 20, 30 and both pinned 10s; 20 of tier 1
  EXPECT_EQ(tokens_after(histogram, thresholds), expected);
}

}  // namespace
}  // namespace leankv
