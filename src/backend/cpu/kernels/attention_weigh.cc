// Logits of a prompt's attention to weights, and these to the integers that meet values.
#include "backend/cpu/kernels/attention_functions.h"
#include "backend/cpu/kernels/sum_lanes.h"
#include "backend/cpu/simd/exp_floats.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr float kInfinity = __builtin_inff();

// A few rows side by side, so that none waits for its own sums.
template <int kRows>
struct RowsOfWeights {
  float* x[kRows];
  float origin[kRows], per_unit[kRows];  // the largest logit, or 0 where there is none; exponents of 2 for one of x
};

template <int kRows>
inline void find_largest(const WeightRows& w, int first, RowsOfWeights<kRows>& rows) {
  Floats most[kRows];
  for (int r = 0; r < kRows; ++r) most[r] = broadcast(-kInfinity);
  for (int t = 0; t < w.n; t += kLanes) {
    for (int r = 0; r < kRows; ++r) most[r] = max(load(rows.x[r] + t), most[r]);
  }
  for (int r = 0; r < kRows; ++r) {
    const float largest = max_lanes(most[r]);
    rows.per_unit[r] = w.row_unit[first + r] * kLog2E;
    rows.origin[r] = largest == -kInfinity ? 0 : largest;
    w.max[first + r] = largest * w.row_unit[first + r];
  }
}

// The unit of the codes of weights with this sum and maximum. NaN stays.
inline float unit_of_weights(float sum, float most) {
  const float by_sum = sum / kLargestWeights, by_most = most / kLargestNumber;
  const float larger = by_most > by_sum ? by_most : by_sum, one = larger > kSmallestUnit ? larger : kSmallestUnit;
  return by_sum == by_sum ? one : by_sum;
}

template <int kRows>
inline void raise_to_powers(const WeightRows& w, int first, const RowsOfWeights<kRows>& rows) {
  Floats sum[kRows], mass[kRows], most[kRows];
  for (int r = 0; r < kRows; ++r) sum[r] = mass[r] = most[r] = broadcast(0);
  for (int t = 0; t < w.n; t += kLanes) {
    const Floats unit = load(w.value_unit + t);
    for (int r = 0; r < kRows; ++r) {
      const Floats below = sub(load(rows.x[r] + t), broadcast(rows.origin[r]));
      const Floats weight = exp2_floats(mul(below, broadcast(rows.per_unit[r])));
      const Floats scaled = mul(weight, unit);
      store(rows.x[r] + t, weight);
      sum[r] = add(sum[r], weight), mass[r] = add(mass[r], scaled), most[r] = max(scaled, most[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    w.sum[first + r] = sum_lanes(sum[r]);
    w.unit[first + r] = unit_of_weights(sum_lanes(mass[r]), max_lanes(most[r]));
  }
}

template <int kRows>
inline void weigh_rows(const WeightRows& w, int first) {
  RowsOfWeights<kRows> rows;
  for (int r = 0; r < kRows; ++r) rows.x[r] = w.x + (first + r) * w.stride;
  find_largest(w, first, rows);
  raise_to_powers(w, first, rows);
  Floats per_unit[kRows];
  for (int r = 0; r < kRows; ++r) per_unit[r] = broadcast(1 / w.unit[first + r]);
  for (int t = 0; t < w.n; t += kLanes) {
    const Floats unit = load(w.value_unit + t);
    for (int r = 0; r < kRows; ++r) {
      const Ints codes = round_to_int(mul(mul(load(rows.x[r] + t), unit), per_unit[r]));
      store_u16(reinterpret_cast<uint16_t*>(w.codes + std::ptrdiff_t(first + r) * w.n + t), codes);
    }
  }
}

constexpr int kWeightRowsAtOnce = kLanes == 16 ? 4 : 2;

}  // namespace

[[gnu::flatten]] void weigh(const WeightRows& w) {
  int row = 0;
  for (; row + kWeightRowsAtOnce <= w.rows; row += kWeightRowsAtOnce) weigh_rows<kWeightRowsAtOnce>(w, row);
  for (; row < w.rows; ++row) weigh_rows<1>(w, row);
}

}  // namespace leankv::LEANKV_ISA_NS
