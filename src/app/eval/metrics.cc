#include "app/eval/metrics.h"

#include <algorithm>
#include <cmath>
#include <numeric>

#include "base/error.h"

namespace leankv {

int Distribution::top() const { return int(std::ranges::max_element(logits) - logits.begin()); }

Distribution distribution_of(std::span<const float> logits) {
  LEANKV_CHECK(!logits.empty());
  const double highest = *std::ranges::max_element(logits);
  double sum = 0;
  for (const float x : logits) sum += std::exp(double(x) - highest);
  return {logits, highest + std::log(sum)};
}

double kl_divergence(const Distribution& p, const Distribution& q) {
  LEANKV_CHECK(p.logits.size() == q.logits.size());
  double sum = 0;
  for (int i = 0; i < int(p.logits.size()); ++i) {
    const double log_p = p.log_prob(i);
    sum += std::exp(log_p) * (log_p - q.log_prob(i));
  }
  return sum;
}

double percentile(std::vector<double> values, double share) {
  LEANKV_CHECK(!values.empty() && share >= 0 && share <= 1);
  std::ranges::sort(values);
  const double place = share * double(values.size() - 1);
  const std::size_t below = std::size_t(place), above = std::min(below + 1, values.size() - 1);
  return values[below] + (place - double(below)) * (values[above] - values[below]);
}

double mean(std::span<const double> values) {
  LEANKV_CHECK(!values.empty());
  return std::accumulate(values.begin(), values.end(), 0.0) / double(values.size());
}

double perplexity(double nll, int64_t positions) {
  LEANKV_CHECK(positions > 0);
  return std::exp(nll / double(positions));
}

}  // namespace leankv
