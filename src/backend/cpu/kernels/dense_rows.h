// What a forward pass does with one row at a time, between the linear layers. Bit-identical on all instruction sets.
#pragma once

#include "backend/cpu/kernels/kernels.h"

namespace leankv {

struct RowKernels {
  // y = x / sqrt(mean(x^2) + epsilon) * weight; x, weight, y [columns]; x and y may be the same.
  void (*norm_row)(const float* x, const float* weight, float epsilon, int columns, float* y);
  // Rotates the first `pairs` pairs of neighbours in each head, or the channels i and pairs + i. x [heads, head_dim],
  // cos, sin [pairs].
  void (*rotate_neighbours)(float* x, int heads, int head_dim, const float* cos, const float* sin, int pairs);
  void (*rotate_halves)(float* x, int heads, int head_dim, const float* cos, const float* sin, int pairs);
  // gate = gate / (1 + exp(-gate)) * up; gate, up [columns]
  void (*gate_row)(float* gate, const float* up, int columns);
  // x += y; x, y [columns]
  void (*add_row)(float* x, const float* y, int columns);
};

const RowKernels& row_kernels(ScalarIsa);
const RowKernels& row_kernels(Avx2Isa);
const RowKernels& row_kernels(AvxVnniIsa);
const RowKernels& row_kernels(Avx512Isa);
const RowKernels& row_kernels(Avx512VnniIsa);
const RowKernels& row_kernels(NeonIsa);
const RowKernels& row_kernels(NeonDotIsa);
const RowKernels& row_kernels(NeonI8mmIsa);
const RowKernels& row_kernels(Isa isa);

}  // namespace leankv
