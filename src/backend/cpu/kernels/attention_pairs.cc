#include "backend/cpu/kernels/attention_pairs.h"

#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/sum_lanes.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

// NaN and infinities stay what they are.
inline Floats unit_of(Floats squares, Floats most) {
  const Floats length = mul(square_root(squares), broadcast(1 / kLongestRow));
  return max(max(broadcast(kSmallestUnit), mul(most, broadcast(1 / kLargestNumber))), length);
}

inline Ints code_of(const float* x, Floats per_unit) { return round_to_int(mul(load(x), per_unit)); }

inline void quantise_row(const float* x, int n, int16_t* codes, float* unit) {
  Floats squares = broadcast(0), most = broadcast(0);
  for (int c = 0; c < n; c += kLanes) {
    const Floats v = load(x + c);
    squares = fma(v, v, squares), most = max(magnitudes(v), most);
  }
  float units[kLanes];
  store(units, unit_of(broadcast(sum_lanes(squares)), broadcast(max_lanes(most))));
  *unit = units[0];
  const Floats per_unit = broadcast(1 / units[0]);
  for (int c = 0; c < n; c += kLanes) store_u16(reinterpret_cast<uint16_t*>(codes + c), code_of(x + c, per_unit));
}

inline void pair_vector_of_columns(const float* x, std::ptrdiff_t stride, int n, int16_t* pairs, float* unit) {
  Floats squares = broadcast(0), most = broadcast(0);
  for (int c = 0; c < n; ++c) {
    const Floats v = load(x + c * stride);
    squares = fma(v, v, squares), most = max(magnitudes(v), most);
  }
  const Floats units = unit_of(squares, most), per_unit = div(broadcast(1), units);
  store(unit, units);
  for (int c = 0; c < n; c += 2, pairs += 2 * stride, x += 2 * stride) {
    store_pairs(pairs, code_of(x, per_unit), code_of(x + stride, per_unit));
  }
}

inline float value_unit_of(const float* x, int n) {
  Floats most = broadcast(0);
  for (int c = 0; c < n; c += kLanes) most = max(magnitudes(load(x + c)), most);
  const float unit = max_lanes(most) / kLargestValue;
  return unit > kSmallestUnit ? unit : kSmallestUnit;
}

constexpr int kRowsAtOnce = kLanes == 4 ? 2 : 6;
constexpr int kVectorsAtOnce = kLanes == 16 ? 4 : 2;

// c [kRows, kVectors * kLanes] from row i and column j on, sums in registers. kOfRows: whose units these are.
template <int kRows, int kVectors, bool kOfRows>
inline void multiply_block(const PairProduct& p, int i, int j) {
  Ints sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = broadcast_int(0);
  }
  const int8_t* a = reinterpret_cast<const int8_t*>(p.a + i * p.a_stride);
  const uint8_t* b = reinterpret_cast<const uint8_t*>(p.b + 2 * j);
  for (int l = 0; l < p.k; ++l, a += 4, b += 4 * p.b_stride) {
    Bytes column[kVectors];
    for (int v = 0; v < kVectors; ++v) column[v] = load_bytes(b + 4 * v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const Bytes row = broadcast_4(a + 2 * r * p.a_stride);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = dot_pairs(sum[r][v], column[v], row);
    }
  }
  for (int v = 0; v < kVectors; ++v) {
    for (int r = 0; r < kRows; ++r) {
      const Floats unit = kOfRows ? broadcast(p.row_unit[i + r]) : load(p.column_unit + j + v * kLanes);
      store(p.c + (i + r) * p.c_stride + j + v * kLanes, mul(to_float(sum[r][v]), unit));
    }
  }
}

template <int kVectors, bool kOfRows>
inline void multiply_columns(const PairProduct& p, int j) {
  int i = 0;
  for (; i + kRowsAtOnce <= p.m; i += kRowsAtOnce) multiply_block<kRowsAtOnce, kVectors, kOfRows>(p, i, j);
  for (; i + 3 <= p.m; i += 3) multiply_block<3, kVectors, kOfRows>(p, i, j);
  for (; i < p.m; ++i) multiply_block<1, kVectors, kOfRows>(p, i, j);
}

template <bool kOfRows>
inline void multiply_all(const PairProduct& p) {
  int j = 0;
  for (; j + kVectorsAtOnce * kLanes <= p.n; j += kVectorsAtOnce * kLanes) {
    multiply_columns<kVectorsAtOnce, kOfRows>(p, j);
  }
  for (; j < p.n; j += kLanes) multiply_columns<1, kOfRows>(p, j);
}

[[gnu::flatten]] void quantise_rows(const float* x, int count, int n, int16_t* codes, float* unit) {
  for (int i = 0; i < count; ++i) quantise_row(x + std::ptrdiff_t(i) * n, n, codes + std::ptrdiff_t(i) * n, unit + i);
}

[[gnu::flatten]] void pair_columns(const float* x, std::ptrdiff_t stride, int count, int n, int16_t* pairs,
                                   float* unit) {
  for (int t = 0; t < whole_lines(count); t += kLanes) {
    pair_vector_of_columns(x + t, stride, n, pairs + 2 * t, unit + t);
  }
}

[[gnu::flatten]] void pair_rows(const float* x, int count, int n, int16_t* pairs, float* unit) {
  for (int t = count; t < whole_lines(count); ++t) unit[t] = 0;
  for (int t = 0; t < count; t += 2, x += 2 * n) {
    const float first = value_unit_of(x, n), second = value_unit_of(x + n, n);
    unit[t] = first;
    if (t + 1 < count) unit[t + 1] = second;
    for (int c = 0; c < n; c += kLanes, pairs += 2 * kLanes) {
      store_pairs(pairs, code_of(x + c, broadcast(1 / first)), code_of(x + n + c, broadcast(1 / second)));
    }
  }
}

[[gnu::flatten]] void multiply(const PairProduct& p) {
  p.row_unit != nullptr ? multiply_all<true>(p) : multiply_all<false>(p);
}

}  // namespace

constinit const PairKernels kPairKernels = {quantise_rows, pair_columns, pair_rows, weigh, multiply};

}  // namespace leankv::LEANKV_ISA_NS
