// Measures of how far one model run is from another, as pure functions of logits.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

namespace leankv {

// One position's logits as a distribution over the vocabulary. A view: valid as long as the logits.
struct Distribution {
  std::span<const float> logits;  // [vocabulary]
  double log_sum = 0;             // log sum exp(logits), in double

  double log_prob(int token) const { return double(logits[token]) - log_sum; }  // nats
  int top() const;                                                              // ties: the lowest id
};
Distribution distribution_of(std::span<const float> logits);

// KL(p || q) = sum p (log p - log q), in nats, summed in double. REQUIRES equal sizes.
double kl_divergence(const Distribution& p, const Distribution& q);

// The value below which `share` of the values lie: linear between neighbours of the sorted list, whose i-th of n stands
// at share i / (n - 1) (what NumPy's percentile does). REQUIRES at least one value, 0 <= share <= 1.
double percentile(std::vector<double> values, double share);

double mean(std::span<const double> values);  // REQUIRES at least one value

// exp of the mean negative log-likelihood. nll: sum of -log p(true token), nats. REQUIRES positions > 0.
double perplexity(double nll, int64_t positions);

}  // namespace leankv
