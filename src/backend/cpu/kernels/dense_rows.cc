#include "backend/cpu/kernels/dense_rows.h"

#include "backend/cpu/simd/exp.h"

namespace leankv {
namespace LEANKV_ISA_NS {
namespace {

// Plain loops over independent lanes, which the compiler turns into vectors.

constexpr int kSums = 16;  // independent sums, added up in ascending order

inline double sum_of_squares(const float* x, int columns) {
  double sums[kSums] = {};
  int c = 0;
  for (; c + kSums <= columns; c += kSums) {
    for (int i = 0; i < kSums; ++i) sums[i] += double(x[c + i]) * double(x[c + i]);
  }
  for (int i = 0; c + i < columns; ++i) sums[i] += double(x[c + i]) * double(x[c + i]);
  double total = 0;
  for (const double sum : sums) total += sum;
  return total;
}

[[gnu::flatten]] void norm_row(const float* x, const float* weight, float epsilon, int columns, float* y) {
  const double mean = sum_of_squares(x, columns) / columns;
  const float factor = float(1 / __builtin_sqrt(mean + double(epsilon)));
  for (int c = 0; c < columns; ++c) y[c] = x[c] * factor * weight[c];
}

[[gnu::flatten]] void rotate_neighbours(float* x, int heads, int head_dim, const float* cos, const float* sin,
                                        int pairs) {
  for (int head = 0; head < heads; ++head) {
    float* pair = x + head * head_dim;
    for (int i = 0; i < pairs; ++i) {
      const float a = pair[2 * i], b = pair[2 * i + 1];
      pair[2 * i] = a * cos[i] - b * sin[i];
      pair[2 * i + 1] = a * sin[i] + b * cos[i];
    }
  }
}

[[gnu::flatten]] void rotate_halves(float* x, int heads, int head_dim, const float* cos, const float* sin, int pairs) {
  for (int head = 0; head < heads; ++head) {
    float *first = x + head * head_dim, *second = first + pairs;
    for (int i = 0; i < pairs; ++i) {
      const float a = first[i], b = second[i];
      first[i] = a * cos[i] - b * sin[i];
      second[i] = a * sin[i] + b * cos[i];
    }
  }
}

[[gnu::flatten]] void gate_row(float* gate, const float* up, int columns) {
  for (int c = 0; c < columns; ++c) gate[c] = gate[c] / (1.0f + exp_lane(-gate[c])) * up[c];
}

[[gnu::flatten]] void add_row(float* x, const float* y, int columns) {
  for (int c = 0; c < columns; ++c) x[c] += y[c];
}

constexpr RowKernels kRowKernels = {norm_row, rotate_neighbours, rotate_halves, gate_row, add_row};

}  // namespace
}  // namespace LEANKV_ISA_NS

const RowKernels& row_kernels(ThisIsa) { return LEANKV_ISA_NS::kRowKernels; }

}  // namespace leankv
