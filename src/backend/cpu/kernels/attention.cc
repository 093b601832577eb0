#include "backend/cpu/kernels/attention.h"

#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/sum_lanes.h"
#include "backend/cpu/simd/exp_floats.h"

namespace leankv {
namespace LEANKV_ISA_NS {
namespace {

constexpr float kInfinity = __builtin_inff();

// c [kRows, kVectors * kLanes] of the product, sums in registers.
template <int kRows, int kVectors>
inline void multiply_block(const float* a, std::ptrdiff_t a_stride, const float* b, std::ptrdiff_t b_stride, float* c,
                           std::ptrdiff_t c_stride, int k) {
  Floats sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = broadcast(0);
  }
  for (int l = 0; l < k; ++l) {
    Floats row[kVectors];
    for (int v = 0; v < kVectors; ++v) row[v] = load(b + l * b_stride + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(a[r * a_stride + l]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(value, row[v], sum[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) store(c + r * c_stride + v * kLanes, sum[r][v]);
  }
}

// The columns that fill no vector. fma as in the vectors, so a column's bits do not depend on where the edge is.
inline void multiply_edge(const float* a, std::ptrdiff_t a_stride, const float* b, std::ptrdiff_t b_stride, float* c,
                          std::ptrdiff_t c_stride, int m, int n, int k) {
  for (int i = 0; i < m; ++i) {
    for (int j = 0; j < n; ++j) {
      float lanes[kLanes];
      Floats sum = broadcast(0);
      for (int l = 0; l < k; ++l) sum = fma(broadcast(a[i * a_stride + l]), broadcast(b[l * b_stride + j]), sum);
      store(lanes, sum);
      c[i * c_stride + j] = lanes[0];
    }
  }
}

constexpr int kRowsAtOnce = kLanes == 4 ? 2 : 6;
constexpr int kVectorsAtOnce = kLanes == 16 ? 4 : 2;

template <int kVectors>
inline void multiply_columns(const float* a, std::ptrdiff_t a_stride, const float* b, std::ptrdiff_t b_stride, float* c,
                             std::ptrdiff_t c_stride, int m, int k) {
  int i = 0;
  for (; i + kRowsAtOnce <= m; i += kRowsAtOnce) {
    multiply_block<kRowsAtOnce, kVectors>(a + i * a_stride, a_stride, b, b_stride, c + i * c_stride, c_stride, k);
  }
  for (; i + 3 <= m; i += 3) {
    multiply_block<3, kVectors>(a + i * a_stride, a_stride, b, b_stride, c + i * c_stride, c_stride, k);
  }
  for (; i < m; ++i) {
    multiply_block<1, kVectors>(a + i * a_stride, a_stride, b, b_stride, c + i * c_stride, c_stride, k);
  }
}

[[gnu::flatten]] void multiply(const float* a, std::ptrdiff_t a_stride, const float* b, std::ptrdiff_t b_stride,
                               float* c, std::ptrdiff_t c_stride, int m, int n, int k) {
  int j = 0;
  for (; j + kVectorsAtOnce * kLanes <= n; j += kVectorsAtOnce * kLanes) {
    multiply_columns<kVectorsAtOnce>(a, a_stride, b + j, b_stride, c + j, c_stride, m, k);
  }
  for (; j + kLanes <= n; j += kLanes) multiply_columns<1>(a, a_stride, b + j, b_stride, c + j, c_stride, m, k);
  multiply_edge(a, a_stride, b + j, b_stride, c + j, c_stride, m, n - j, k);
}

// The last, n < kSumLanes: filled up with -inf, whose exponential is 0.
inline Lanes load_rest(const float* x, int n) {
  float rest[kSumLanes];
  for (int l = 0; l < kSumLanes; ++l) rest[l] = l < n ? x[l] : -kInfinity;
  return load_lanes(rest);
}

inline float maximum(const float* x, int whole, const Lanes& rest) {
  Lanes largest = rest;
  for (int i = 0; i < whole; i += kSumLanes) {
    largest = each_vector([&](int v) { return max(load(x + i + v * kLanes), largest.vector[v]); });
  }
  return largest_of(largest);
}

// exp(x - max), added to sums.
inline Lanes exponential(const Lanes& x, float max, Lanes& sums) {
  const Lanes out = each_vector([&](int v) { return exp_floats(sub(x.vector[v], broadcast(max))); });
  sums = each_vector([&](int v) { return add(sums.vector[v], out.vector[v]); });
  return out;
}

[[gnu::flatten]] void exponentials(float* x, int n, float* max, float* sum) {
  const int whole = n / kSumLanes * kSumLanes, more = n - whole;
  const Lanes rest = load_rest(x + whole, more);
  *max = maximum(x, whole, rest);
  const float origin = *max == -kInfinity ? 0.0f : *max;  // where there is nothing but -inf
  Lanes sums = all_lanes(0);
  for (int i = 0; i < whole; i += kSumLanes) store_lanes(x + i, exponential(load_lanes(x + i), origin, sums));
  if (more > 0) {
    float last[kSumLanes];
    store_lanes(last, exponential(rest, origin, sums));
    for (int l = 0; l < more; ++l) x[whole + l] = last[l];
  }
  *sum = sum_of(sums);
}

[[gnu::flatten]] void add_squares(const float* x, float scale, float* sums, int n) {
  for (int i = 0; i < n; ++i) sums[i] += (x[i] * scale) * (x[i] * scale);
}

void key_logits(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride) {
  const bool halves = tier(run.layout->tier).key == CodecId::kHalf;
  (halves ? half_logits : code_logits)(run, q, logits, stride);
}

void sum_values(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count, float* out) {
  const bool halves = tier(run.layout->tier).value == CodecId::kHalf;
  (halves ? sum_halves : sum_codes)(run, weights, stride, count, out);
}

constexpr AttentionKernels kAttentionKernels = {
    decode_keys,          decode_values, multiply,         exponentials, add_squares,
    update_significances, &kPairKernels, quantise_queries, key_logits,   sum_values};

}  // namespace
}  // namespace LEANKV_ISA_NS

const AttentionKernels& attention_kernels(ThisIsa) { return LEANKV_ISA_NS::kAttentionKernels; }

}  // namespace leankv
