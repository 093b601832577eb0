#include "kv/significance.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <random>

namespace leankv {
namespace {

TEST(Significance, LevelsArePowersOfTwo) {
  EXPECT_EQ(level_mean(0), 0.0f);
  EXPECT_EQ(level_mean(56 * kLevelsPerOctave), 1.0f);
  EXPECT_EQ(level_mean(1 * kLevelsPerOctave), std::ldexp(1.0f, -55));
  for (int level = 1; level < kSignificanceLevels; ++level) {
    // One rounding to float (2^-24) and at most 128 of double (2^-53 each) in the table.
    const double exact = std::exp2(level_log2(level));
    EXPECT_NEAR(level_mean(level), exact, exact * (std::ldexp(1.0, -24) + std::ldexp(1.0, -45))) << level;
  }
}

TEST(Significance, NearestLevelOfALevelIsItself) {
  for (int level = 0; level < kSignificanceLevels; ++level) EXPECT_EQ(nearest_level(level_mean(level)), level);
}

TEST(Significance, NearestLevelChangesHalfWayInTheLogarithm) {
  for (int level = 1; level + 1 < kSignificanceLevels; ++level) {
    const double border = std::exp2(level_log2(level) + 0.5 / kLevelsPerOctave);
    EXPECT_EQ(nearest_level(float(border * (1 - 1e-6))), level);  // 1e-6: above a rounding of float, 6e-8
    EXPECT_EQ(nearest_level(float(border * (1 + 1e-6))), level + 1);
  }
}

TEST(Significance, EndsOfTheScale) {
  EXPECT_EQ(nearest_level(0.0f), 0);
  EXPECT_EQ(nearest_level(std::numeric_limits<float>::denorm_min()), 0);
  EXPECT_EQ(nearest_level(std::ldexp(1.0f, -57)), 0);
  EXPECT_EQ(nearest_level(std::ldexp(1.0f, -56)), 0);
  EXPECT_EQ(nearest_level(std::ldexp(1.02f, -56)), 2);  // 64 log2(1.02) = 1.83
  EXPECT_EQ(nearest_level(1e30f), kSignificanceLevels - 1);
  EXPECT_EQ(nearest_level(std::numeric_limits<float>::infinity()), kSignificanceLevels - 1);
}

TEST(Significance, QueryUnitsSaturate) {
  EXPECT_EQ(query_units(63), 0);
  EXPECT_EQ(query_units(64), 1);
  EXPECT_EQ(query_units(511), 7);
  EXPECT_EQ(query_units(int64_t{1} << 40), 8);
  const uint16_t bits = make_significance(nearest_level(0.25f), query_units(200));
  EXPECT_EQ(significance_level(bits), 54 * kLevelsPerOctave);
  EXPECT_EQ(significance_units(bits), 3);
}

TEST(Significance, UpdateRoundsToTheTwoLevelsAround) {
  const uint16_t bits = make_significance(2000, 5);
  const float target = 0.5f * (level_mean(2003) + level_mean(2004));
  const float observed = level_mean(2000) + (target - level_mean(2000)) * 4;
  const uint16_t down = update_significance(bits, observed, 0.25f, 0xffffffffu);
  const uint16_t up = update_significance(bits, observed, 0.25f, 0);
  EXPECT_EQ(significance_level(down), 2003);
  EXPECT_EQ(significance_level(up), 2004);
  EXPECT_EQ(significance_units(down), 5);
  EXPECT_EQ(significance_units(up), 5);
}

TEST(Significance, UpdateWithItsOwnMeanChangesNothing) {
  for (const int level : {0, 1, 64, 1234, kSignificanceLevels - 1}) {
    for (const uint32_t dither : {0u, 1u, 0x80000000u, 0xffffffffu}) {
      const uint16_t bits = make_significance(level, 1);
      EXPECT_EQ(update_significance(bits, level_mean(level), 0.1f, dither), bits);
    }
  }
}

TEST(Significance, UpdateSaturates) {
  const uint16_t top = make_significance(kSignificanceLevels - 1, 8);
  EXPECT_EQ(update_significance(top, 1e9f, 1.0f, 0), top);
  EXPECT_EQ(significance_level(update_significance(make_significance(9, 0), 1e9f, 1.0f, 0)), kSignificanceLevels - 1);
  EXPECT_EQ(update_significance(make_significance(9, 3), 0.0f, 1.0f, 0), make_significance(0, 3));
}

// Each update is unbiased: over all dithers the expected mean is the exact one. With n dithers evenly spaced the
// share of roundings up is off by less than 1 / n, so the mean by less than a level's width / n, and the levels
// themselves are rounded to float (2^-24).
TEST(Significance, UpdateIsUnbiasedOverTheDither) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> octave(-50, 0);
  constexpr int kDithers = 1024;
  for (int trial = 0; trial < 200; ++trial) {
    const int level = nearest_level(std::exp2(octave(random)));
    const float observed = trial % 5 == 0 ? 0.0f : std::exp2(octave(random));
    const float weight = 1.0f / float(1 + trial % 512);
    double sum = 0;
    for (int i = 0; i < kDithers; ++i) {
      const auto dither = uint32_t((i + 0.5) * 4294967296.0 / kDithers);
      sum += level_mean(significance_level(update_significance(make_significance(level, 0), observed, weight, dither)));
    }
    const double exact = level_mean(level) + (double(observed) - level_mean(level)) * weight;
    const double width = exact * (std::exp2(1.0 / kLevelsPerOctave) - 1) + std::ldexp(1.0, kLowestOctave);
    EXPECT_NEAR(sum / kDithers, exact, width / kDithers + 4 * std::ldexp(exact, -24)) << trial;
  }
}

// A random walk of many small updates follows the exact exponential mean. Error after n updates:
// e[n] = (1 - w) e[n-1] + rounding, rounding of mean 0 and at most one level's width D = m (2^(1/64) - 1), variance at
// most D^2 / 4, so the variance of e is at most D^2 / 4 / (1 - (1 - w)^2) < D^2 / (4 w), and the mean over `walks`
// independent walks has standard deviation below D / sqrt(4 w walks). Six of those; the widest level met bounds D.
TEST(Significance, ManySmallUpdatesDoNotDrift) {
  std::mt19937 random(11);
  constexpr float kWeight = 1.0f / 512;
  constexpr int kWalks = 400, kUpdates = 1500;
  for (const float observed : {0.0f, 1e-4f, 1e-2f}) {
    const float start = level_mean(nearest_level(1e-3f));
    double sum = 0, widest = start;
    for (int walk = 0; walk < kWalks; ++walk) {
      uint16_t bits = make_significance(nearest_level(1e-3f), 8);
      for (int i = 0; i < kUpdates; ++i) bits = update_significance(bits, observed, kWeight, uint32_t(random()));
      sum += level_mean(significance_level(bits));
      widest = std::max(widest, double(level_mean(significance_level(bits))));
    }
    const double exact = observed + (double(start) - observed) * std::pow(1 - double(kWeight), kUpdates);
    const double width = widest * (std::exp2(1.0 / kLevelsPerOctave) - 1);
    EXPECT_NEAR(sum / kWalks, exact, 6 * width / std::sqrt(4.0 * kWeight * kWalks)) << observed;
    EXPECT_NE(nearest_level(float(exact)), nearest_level(start));  // it did move
  }
}

TEST(Significance, GrowsFromNothingAndDecaysToNothing) {
  std::mt19937 random(3);
  uint16_t bits = make_significance(0, 1);
  for (int i = 0; i < 600; ++i) bits = update_significance(bits, 0.5f, 1.0f / 64, uint32_t(random()));
  // 1 - (1 - 1/64)^600 = .99992 of .5 = level 55 * 64, up to the walk's deviation of D / sqrt(4 / 64) = 4 levels; six.
  EXPECT_NEAR(significance_level(bits), 55 * kLevelsPerOctave, 24);
  int steps = 0;
  while (significance_level(bits) > 0 && steps < 100000) {
    bits = update_significance(bits, 0.0f, 0.25f, uint32_t(random()));
    ++steps;
  }
  // log(2^-56 / .5) / log(.75) = 132 steps to the bottom of the scale, where each step has a fair chance to end it.
  EXPECT_GT(steps, 100);
  EXPECT_LT(steps, 400);
}

}  // namespace
}  // namespace leankv
