// What the queries of one row saw of some tokens, added to the sums of their significance (kv/significance.h).
#pragma once

#include <algorithm>
#include <cstddef>
#include <span>
#include <vector>

#include "backend/cpu/kernels/attention.h"
#include "kv/policy.h"

namespace leankv {

// The group's weights of some tokens; times scale they are probabilities.
struct SeenWeights {
  const float* weights;  // [group, tokens], rows `stride` apart
  std::ptrdiff_t stride;
  std::span<const float> scales;  // [group]
  int tokens;
};

// sums [tokens] += the sum over the group of p^2, or with the paper's policy its largest p.
inline void add_seen(const AttentionKernels& kernels, PolicyKind kind, const SeenWeights& seen, float* sums) {
  if (kind != PolicyKind::kPaper) {
    for (std::size_t i = 0; i < seen.scales.size(); ++i) {
      kernels.add_squares(seen.weights + std::ptrdiff_t(i) * seen.stride, seen.scales[i], sums, seen.tokens);
    }
    return;
  }
  for (int t = 0; t < seen.tokens; ++t) {
    float largest = 0;
    for (std::size_t i = 0; i < seen.scales.size(); ++i) {
      largest = std::max(largest, seen.weights[std::ptrdiff_t(i) * seen.stride + t] * seen.scales[i]);
    }
    sums[t] += largest;
  }
}

}  // namespace leankv
