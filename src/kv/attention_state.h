// A partial attention result is a value: the maximum logit, the sum of exponentials relative to it, and the weighted
// sum of values. Merging is associative up to rounding and has an identity, so any split of the tokens gives the same.
#pragma once

#include <cmath>
#include <limits>

namespace leankv {

// Of one query over some tokens. out [head_dim] belongs to the caller.
struct AttentionState {
  float max = -std::numeric_limits<float>::infinity();
  float sum = 0;
  float* out = nullptr;
};

// into := into + from. An empty state (sum 0) changes nothing.
inline void merge(AttentionState& into, const AttentionState& from, int head_dim) {
  if (from.sum == 0) return;
  const float max = into.max > from.max ? into.max : from.max;
  const float keep = into.sum == 0 ? 0.0f : std::exp(into.max - max), add = std::exp(from.max - max);
  for (int c = 0; c < head_dim; ++c) into.out[c] = into.out[c] * keep + from.out[c] * add;
  into.sum = into.sum * keep + from.sum * add;
  into.max = max;
}

}  // namespace leankv
