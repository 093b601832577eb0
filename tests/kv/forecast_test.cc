#include "kv/forecast.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <random>
#include <vector>

namespace leankv {
namespace {

// Values that differ by less than this are the same: two roundings to float of numbers below 16, and log10 in double.
constexpr float kTolerance = 2e-6f;

Curve ramp() {
  Curve curve;
  for (int i = 0; i < kCurvePoints; ++i) {
    curve.log_past[i] = float(i - 8);
    curve.log_future[i] = float(2 * i - 20);
  }
  return curve;
}

TEST(FitCurve, OneTokenPerBin) {
  const std::vector<float> past = {.8f, .1f, .3f, .2f, .7f, .5f, .4f, .6f};
  const std::vector<float> future = {.01f, .04f, .02f, .03f, .09f, .05f, .06f, .05f};
  const Curve curve = fit_curve(past, future);
  const float x[] = {.1f, .2f, .3f, .4f, .5f, .6f, .7f, .8f};
  const float y[] = {.04f, .04f, .04f, .06f, .06f, .06f, .09f, .09f};  // the running maximum
  for (int i = 0; i < kCurvePoints; ++i) {
    EXPECT_NEAR(curve.log_past[i], std::log10(x[i]), kTolerance);
    EXPECT_NEAR(curve.log_future[i], std::log10(y[i]), kTolerance);
  }
}

TEST(FitCurve, FirstBinsAreLargerWhereItDoesNotDivide) {
  std::vector<float> past, future;
  for (int i = 1; i <= 11; ++i) past.push_back(float(i)), future.push_back(float(i));
  const Curve curve = fit_curve(past, future);
  const double means[] = {1.5, 3.5, 5.5, 7, 8, 9, 10, 11};  // 2 2 2 1 1 1 1 1
  for (int i = 0; i < kCurvePoints; ++i) EXPECT_NEAR(curve.log_past[i], std::log10(means[i]), kTolerance);
}

TEST(FitCurve, TiesGoByIndex) {
  std::vector<float> past(16, .5f), future;
  for (int i = 0; i < 16; ++i) future.push_back(float(i / 2 + 1));
  const Curve curve = fit_curve(past, future);
  for (int i = 0; i < kCurvePoints; ++i) EXPECT_NEAR(curve.log_future[i], std::log10(double(i + 1)), kTolerance);
}

TEST(FitCurve, NothingSeenStaysFinite) {
  const std::vector<float> zeros(20, 0.0f);
  const Curve curve = fit_curve(zeros, zeros);
  for (int i = 0; i < kCurvePoints; ++i) {
    EXPECT_NEAR(curve.log_past[i], -14, kTolerance);
    EXPECT_NEAR(curve.log_future[i], -14, kTolerance);
  }
  EXPECT_NEAR(forecast_log10(curve, -12), -12, kTolerance);  // slope 1 above the last
}

TEST(FitCurve, OrderOfTokensDoesNotMatterWithoutTies) {
  std::mt19937 random(1);
  std::uniform_real_distribution<float> uniform(0, 1);
  std::vector<std::pair<float, float>> tokens(100);
  for (auto& [past, future] : tokens) past = uniform(random), future = uniform(random);
  const auto fit = [&] {
    std::vector<float> past, future;
    for (const auto& [x, y] : tokens) past.push_back(x), future.push_back(y);
    return fit_curve(past, future);
  };
  const Curve one = fit();
  std::ranges::shuffle(tokens, random);
  const Curve other = fit();
  EXPECT_TRUE(std::ranges::equal(one.log_past, other.log_past));
  EXPECT_TRUE(std::ranges::equal(one.log_future, other.log_future));
}

TEST(FitCurveDeath, RefusesTooFewTokens) {
  const std::vector<float> seven(7, .1f);
  EXPECT_DEATH(fit_curve(seven, seven), "broken invariant");
}

TEST(Forecast, InterpolatesBetweenAndExtendsBeyondThePoints) {
  const Curve curve = ramp();
  EXPECT_EQ(forecast_log10(curve, -std::numeric_limits<float>::infinity()), -20);
  EXPECT_EQ(forecast_log10(curve, -9), -20);
  EXPECT_EQ(forecast_log10(curve, -8), -20);
  EXPECT_EQ(forecast_log10(curve, -7.5f), -19);
  EXPECT_EQ(forecast_log10(curve, -1), -6);
  EXPECT_EQ(forecast_log10(curve, 1.5f), -3.5f);
}

TEST(Forecast, OfEqualPointsTheLastCounts) {
  Curve curve = ramp();
  curve.log_past[1] = curve.log_past[0];
  EXPECT_EQ(forecast_log10(curve, curve.log_past[0]), curve.log_future[1]);
  EXPECT_EQ(forecast_log10(curve, std::nextafter(curve.log_past[0], -100.0f)), curve.log_future[0]);
}

TEST(Forecast, IsMonotoneToTheLastBit) {
  std::mt19937 random(2);
  std::normal_distribution<float> normal;
  for (int trial = 0; trial < 50; ++trial) {
    std::vector<float> past, future;
    for (int i = 0; i < 200; ++i)
      past.push_back(std::exp(4 * normal(random))), future.push_back(std::exp(4 * normal(random)));
    const Curve curve = fit_curve(past, future);
    float previous = -1e9f;
    for (float x = -10; x < 10; x += 0.00237f) {
      const float y = forecast_log10(curve, x);
      ASSERT_GE(y, previous);
      previous = y;
    }
  }
}

TEST(Blend, TheFewerTheTokensTheMoreOfThePrior) {
  const Curve prior = ramp();
  Curve fitted = ramp();
  for (float& y : fitted.log_future) y += 4;
  for (const std::size_t tokens : {0, 8, 512, 5120}) {
    const Curve curve = blend(fitted, tokens, prior);
    const float above = 4 * float(tokens) / float(tokens + kPriorTokens);
    for (int i = 0; i < kCurvePoints; ++i) {
      EXPECT_EQ(curve.log_past[i], fitted.log_past[i]);
      EXPECT_NEAR(curve.log_future[i], prior.log_future[i] + above, 1e-5f);  // a few roundings of numbers below 32
    }
  }
}

TEST(Blend, ThePriorIsReadAtThePointsOfTheFit) {
  Curve fitted = ramp();
  for (float& x : fitted.log_past) x += 0.5f;
  const Curve curve = blend(fitted, 0, ramp());
  EXPECT_FLOAT_EQ(curve.log_future[0], -19);
  EXPECT_FLOAT_EQ(curve.log_future[7], -5.5f);  // slope 1 beyond the prior
}

TEST(Blend, IsMonotone) {
  std::mt19937 random(3);
  std::normal_distribution<float> normal;
  for (int trial = 0; trial < 200; ++trial) {
    const auto curve_of = [&](int tokens) {
      std::vector<float> past, future;
      for (int i = 0; i < tokens; ++i)
        past.push_back(std::exp(4 * normal(random))), future.push_back(std::exp(4 * normal(random)));
      return fit_curve(past, future);
    };
    const Curve curve = blend(curve_of(40), 40, curve_of(2000));
    EXPECT_TRUE(std::ranges::is_sorted(curve.log_future));
  }
}

TEST(AtLeast, TakesTheLargerAtEachPoint) {
  const Curve previous = ramp();
  Curve fresh = ramp();
  for (int i = 0; i < kCurvePoints; ++i) fresh.log_past[i] += 0.5f, fresh.log_future[i] += i < 4 ? 3.0f : -3.0f;
  const Curve curve = at_least(fresh, previous);
  for (int i = 0; i < kCurvePoints; ++i) {
    EXPECT_EQ(curve.log_past[i], fresh.log_past[i]);
    EXPECT_EQ(curve.log_future[i], i < 4 ? fresh.log_future[i] : forecast_log10(previous, fresh.log_past[i]));
  }
}

}  // namespace
}  // namespace leankv
