// The kernels of a linear layer: weights in tiles of 16 outputs, activations quantised or in f32.
#pragma once

#include <cstdint>

#include "backend/cpu/kernels/kernels.h"
#include "base/matrix_view.h"

namespace leankv {

inline constexpr int kTileOutputs = 16;  // one AVX-512 vector of f32 sums
inline constexpr int kBlockInputs = 32;  // inputs that share a weight scale (base/weight_codes.h)
inline constexpr int kBlockGroups = 8;   // groups of 4 inputs in a block: what one dot product instruction adds up
static_assert(kBlockGroups * 4 == kBlockInputs);

// The largest magnitude of an activation code. Two int8 halves, q = 256 hi + lo with lo in [-128, 127], reach
// 256 * 127 + 127 before hi leaves int8.
inline constexpr int kLargestInt8 = 127;
inline constexpr int kLargestInt16 = 256 * 127 + 127;

// w = scale * (code - zero) + min; zero is 8 for kCodes4, 0 for kCodes4Min, 128 for those of 8 bits.
enum class WeightForm { kCodes4, kCodes4Min, kCodes8, kCodes8Min, kHalf, kBfloat16, kFloat };

// A view of packed weights. Outputs are rounded up to whole tiles; the padding holds zeros.
struct TiledWeights {
  WeightForm form = WeightForm::kFloat;
  int outputs = 0;
  int inputs = 0;
  // 8 bits: [tiles][blocks][8 groups][16 outputs][4 inputs]. 4 bits: [tiles][blocks][4][16 outputs][4 inputs], where
  // byte vector g holds group g in its low and group g + 4 in its high nibbles.
  const uint8_t* codes = nullptr;
  const uint16_t* scales = nullptr;  // [tiles][blocks][16 outputs], IEEE half
  const uint16_t* mins = nullptr;    // [tiles][blocks][16 outputs], IEEE half
  const void* values = nullptr;      // float forms: [tiles][inputs][16 outputs] in their own type
};

// One block of 32 activations: x is about scale * code.
struct ActivationBlock {
  float scale;    // max |x| / largest code
  float sum;      // scale * total
  int32_t total;  // sum of the codes
};

struct QuantisedActivations {
  int blocks = 0;                          // per row
  int halves = 1;                          // int8 codes per activation; with 2, hi before lo
  const int8_t* codes = nullptr;           // [rows][blocks][halves][32]
  const ActivationBlock* stats = nullptr;  // [rows][blocks]
};

// The part of y that one call computes: tiles of outputs by rows of x.
struct TileRange {
  int first_tile, end_tile;
  int first_row, end_row;
};

struct LinearKernels {
  // x [32 * blocks], codes [blocks][halves][32], stats [blocks]. The codes are equal on all instruction sets.
  void (*quantise_row)(const float* x, int blocks, int halves, int8_t* codes, ActivationBlock* stats);
  // For each block in ascending order: y += scale_w * (scale_x * dot) + min_w * sum_x, dot an exact integer.
  void (*multiply_quantised)(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y);
  // y = sum of x * w over ascending inputs, in f32.
  void (*multiply_float)(const TiledWeights& weights, ConstMatrix x, TileRange range, Matrix y);
};

const LinearKernels& linear_kernels(ScalarIsa);
const LinearKernels& linear_kernels(Avx2Isa);
const LinearKernels& linear_kernels(AvxVnniIsa);
const LinearKernels& linear_kernels(Avx512Isa);
const LinearKernels& linear_kernels(Avx512VnniIsa);
const LinearKernels& linear_kernels(NeonIsa);
const LinearKernels& linear_kernels(NeonDotIsa);
const LinearKernels& linear_kernels(NeonI8mmIsa);
const LinearKernels& linear_kernels(Isa isa);

}  // namespace leankv
