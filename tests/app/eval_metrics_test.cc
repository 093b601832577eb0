#include <gtest/gtest.h>

#include <cmath>
#include <limits>

#include "app/eval/metrics.h"

namespace leankv {
namespace {

constexpr double kEps = std::numeric_limits<double>::epsilon();

// Logits that are logarithms of weights: the distribution is the weights over their sum.
std::vector<float> logits_of(std::initializer_list<double> weights) {
  std::vector<float> logits;
  for (const double w : weights) logits.push_back(float(std::log(w)));
  return logits;
}

// A logit is a float: log w is off by at most |log w| 2^-24, and with it log p; every |log w| here is below 3, and
// log_sum is off by no more than the worst logit. Twice that bounds a log p.
constexpr double kLogProbError = 2 * 3 * 0x1p-24;

TEST(Metrics, LogProbOfKnownWeights) {
  const std::vector<float> logits = logits_of({1, 2, 5});
  const Distribution p = distribution_of(logits);
  EXPECT_NEAR(p.log_prob(0), std::log(1.0 / 8), kLogProbError);
  EXPECT_NEAR(p.log_prob(1), std::log(2.0 / 8), kLogProbError);
  EXPECT_NEAR(p.log_prob(2), std::log(5.0 / 8), kLogProbError);
}

TEST(Metrics, LogProbSurvivesLogitsThatExpDoesNot) {
  const std::vector<float> logits = {1000, 1000, -1000};
  const Distribution p = distribution_of(logits);
  EXPECT_NEAR(p.log_prob(0), std::log(0.5), 1000 * 2 * kEps);
  EXPECT_NEAR(p.log_prob(2), -2000 + std::log(0.5), 2000 * 2 * kEps);
}

TEST(Metrics, TopIsTheLowestOfEqualLogits) {
  const std::vector<float> logits = {-1, 3, 3, 2};
  EXPECT_EQ(distribution_of(logits).top(), 1);
}

TEST(Metrics, KlDivergenceByHand) {
  // p = (1/2, 1/2), q = (1/4, 3/4): 1/2 ln 2 + 1/2 ln(2/3) = 1/2 ln(4/3).
  const std::vector<float> p = logits_of({1, 1}), q = logits_of({1, 3});
  EXPECT_NEAR(kl_divergence(distribution_of(p), distribution_of(q)), 0.5 * std::log(4.0 / 3), 2 * kLogProbError);
  // The other way round: 1/4 ln(1/2) + 3/4 ln(3/2).
  EXPECT_NEAR(kl_divergence(distribution_of(q), distribution_of(p)), 0.25 * std::log(0.5) + 0.75 * std::log(1.5),
              2 * kLogProbError);
}

TEST(Metrics, KlDivergenceOfEqualLogitsIsZero) {
  const std::vector<float> p = {0.3f, -7.25f, 11.5f, 2};
  EXPECT_EQ(kl_divergence(distribution_of(p), distribution_of(p)), 0);
}

TEST(Metrics, KlDivergenceIgnoresAConstant) {
  const std::vector<float> p = {1, 2, 3}, q = {3, 1, 2}, shifted = {67, 65, 66};  // exact in float
  const double plain = kl_divergence(distribution_of(p), distribution_of(q));
  // log_sum near 67 in double: off by at most a few eps of it.
  EXPECT_NEAR(kl_divergence(distribution_of(p), distribution_of(shifted)), plain, 67 * 4 * kEps);
}

TEST(Metrics, PercentileIsLinearBetweenNeighbours) {
  EXPECT_EQ(percentile({5}, 0.99), 5);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0), 1);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 1), 4);
  EXPECT_EQ(percentile({4, 1, 3, 2}, 0.5), 2.5);
  std::vector<double> hundred_and_one(101);
  for (int i = 0; i <= 100; ++i) hundred_and_one[i] = 100 - i;
  EXPECT_EQ(percentile(hundred_and_one, 0.99), 99);
}

TEST(Metrics, PerplexityOfAUniformGuessIsTheNumberOfChoices) {
  EXPECT_NEAR(perplexity(3 * std::log(7.0), 3), 7, 7 * 8 * kEps);
}

}  // namespace
}  // namespace leankv
