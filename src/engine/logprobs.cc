#include "engine/logprobs.h"

#include <algorithm>
#include <cmath>
#include <numeric>

namespace leankv {
namespace {

double log_sum_exp(std::span<const float> logits) {
  const double best = std::ranges::max(logits);
  double sum = 0;
  for (const float logit : logits) sum += std::exp(logit - best);
  return best + std::log(sum);
}

}  // namespace

TokenLogprobs logprobs_of(std::span<const float> logits, int chosen, int top) {
  const double total = log_sum_exp(logits);
  const auto of = [&](int token) { return TokenLogprob{token, float(logits[token] - total)}; };
  std::vector<int> tokens(logits.size());
  std::iota(tokens.begin(), tokens.end(), 0);
  const std::size_t wanted = std::min(std::size_t(top), tokens.size());
  const auto better = [&](int a, int b) { return logits[a] != logits[b] ? logits[a] > logits[b] : a < b; };
  std::ranges::partial_sort(tokens, tokens.begin() + std::ptrdiff_t(wanted), better);
  TokenLogprobs result{of(chosen), {}};
  for (std::size_t i = 0; i < wanted; ++i) result.top.push_back(of(tokens[i]));
  return result;
}

}  // namespace leankv
