// The verbs of attention over compressed pages.
#pragma once

#include <cstddef>

#include "backend/cpu/kernels/attention_pairs.h"
#include "backend/cpu/kernels/attention_row.h"
#include "backend/cpu/kernels/kernels.h"
#include "kv/page_layout.h"
#include "kv/significance.h"

namespace leankv {

struct AttentionKernels {
  // Both decode whole tiles: all that hold one of the first `tokens` of a page; what is behind those means nothing.
  // Bit-equal to PageView's rows.
  // Keys are transposed: keys[c * stride + t], c < head_dim.
  void (*decode_keys)(const PageLayout& layout, const std::byte* page, int tokens, float* keys, std::ptrdiff_t stride);
  // Values: values[t * head_dim + c].
  void (*decode_values)(const PageLayout& layout, const std::byte* page, int tokens, float* values);
  // c[i * c_stride + j] = sum over l of a[i * a_stride + l] * b[l * b_stride + j], l ascending, for i < m, j < n, l <
  // k.
  void (*multiply)(const float* a, std::ptrdiff_t a_stride, const float* b, std::ptrdiff_t b_stride, float* c,
                   std::ptrdiff_t c_stride, int m, int n, int k);
  // x[i] = exp(x[i] - max of x) for i < n; the maximum and the sum, in the written order of kSumLanes lanes. An x of
  // -inf gives exactly 0; when every x is -inf, all are 0 and so is the sum.
  void (*exponentials)(float* x, int n, float* max, float* sum);
  // sums[i] += (x[i] * scale)^2 for i < n
  void (*add_squares)(const float* x, float scale, float* sums, int n);

  // As kv/significance.h's of that name, to the bit.
  UpdateSignificances update_significances;

  // Attention of a block of rows.
  const PairKernels* pairs;

  // Attention of one row (attention_row.h). q [count, head_dim] to its codes: codes [count, high and low,
  // head_dim / 4, 8, 4], unit and sum [count].
  void (*quantise_queries)(const float* q, int count, int head_dim, int8_t* codes, float* unit, int32_t* sum);
  // logits[i * stride + t] of every query i and token t of the run; those of whole batches are written.
  // REQUIRES reads_codes_directly(key codec).
  void (*key_logits)(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride);
  // out[i * head_dim + c] = sum over t of weights[i * stride + t] value[t, c]; weights behind the run's tokens are 0 up
  // to a whole batch. REQUIRES reads_codes_directly(value codec), weights >= 0.
  void (*sum_values)(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count, float* out);
};

const AttentionKernels& attention_kernels(ScalarIsa);
const AttentionKernels& attention_kernels(Avx2Isa);
const AttentionKernels& attention_kernels(AvxVnniIsa);
const AttentionKernels& attention_kernels(Avx512Isa);
const AttentionKernels& attention_kernels(Avx512VnniIsa);
const AttentionKernels& attention_kernels(NeonIsa);
const AttentionKernels& attention_kernels(NeonDotIsa);
const AttentionKernels& attention_kernels(NeonI8mmIsa);
const AttentionKernels& attention_kernels(Isa isa);

}  // namespace leankv
