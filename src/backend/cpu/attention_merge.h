// Partial attention results of one query over parts of its tokens, merged to one.
//
// A partial result is the maximum logit, the sum of exponentials relative to it and the sum of values that they weigh:
// any split of the tokens gives the same, up to rounding.
#pragma once

#include <cstddef>
#include <vector>

#include "backend/cpu/kernels/attention.h"

namespace leankv {

// A view: part s has max[s * step], sum[s * step] and, where its sum is not 0, out[s * step * head_dim + c]; out is a
// number everywhere.
struct PartialResults {
  const float* max;
  const float* sum;
  const float* out;
  int parts;
  std::ptrdiff_t step;
};

struct MergedResult {
  float max, sum;  // of the exponentials relative to max
};

// Writes the query's output, out [head_dim], divided by the sum already. scales: room of the caller's.
MergedResult merge_parts(const AttentionKernels& kernels, const PartialResults& partial, int head_dim, float* out,
                         std::vector<float>& scales);

}  // namespace leankv
