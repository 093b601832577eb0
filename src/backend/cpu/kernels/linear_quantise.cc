#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/linear_functions.h"
#include "backend/cpu/kernels/unrolled.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kVectors = kBlockInputs / kLanes;
constexpr float kInfinity = __builtin_inff();

struct BlockOfInputs {
  Floats x[kVectors];
};

// The largest |x|, infinity where one is no number. As bits, whose order is that of magnitudes.
inline float largest_magnitude(const BlockOfInputs& block) {
  Ints largest = broadcast_int(0);
  unrolled<kVectors>([&](auto v) { largest = max(largest, bit_and(bits_of_floats(block.x[v]), 0x7fffffff)); });
  return max_lanes(floats_of_bits(min(largest, broadcast_int(0x7f800000))));
}

// Codes of two halves, q = 256 hi + lo with lo in [-128, 127], or of one.
template <int kHalves>
inline void store_codes(int8_t* codes, Ints code) {
  if constexpr (kHalves == 2) store_low_bytes(codes, shift_right<8>(add(code, broadcast_int(128))));
  store_low_bytes(codes + (kHalves - 1) * kBlockInputs, code);
}

// The codes of a block that holds NaN or infinity are zeros: its scale makes the result NaN.
template <int kHalves>
inline ActivationBlock quantise_block(const float* x, int8_t* codes) {
  constexpr float kLargest = kHalves == 1 ? kLargestInt8 : kLargestInt16;
  constexpr float kSmallest = 1e-33f;  // below it kLargest / most could overflow: such a block is zero
  BlockOfInputs block;
  unrolled<kVectors>([&](auto v) { block.x[v] = load(x + v * kLanes); });
  const float most = largest_magnitude(block);
  const bool has_codes = most >= kSmallest && most < kInfinity;
  const Floats inverse = broadcast(has_codes ? kLargest / most : 0.0f);
  Ints total = broadcast_int(0);
  unrolled<kVectors>([&](auto v) {
    const Ints code = has_codes ? round_to_int(mul(block.x[v], inverse)) : broadcast_int(0);
    store_codes<kHalves>(codes + v * kLanes, code);
    total = add(total, code);
  });
  const int32_t sum = int32_t(sum_lanes(to_float(total)));  // exact: below 2^24
  const float scale = most < kSmallest ? 0.0f : most / kLargest;
  return {scale, scale * float(sum), sum};
}

template <int kHalves>
inline void quantise_blocks(const float* x, int blocks, int8_t* codes, ActivationBlock* stats) {
  for (int b = 0; b < blocks; ++b) {
    stats[b] = quantise_block<kHalves>(x + b * kBlockInputs, codes + b * kHalves * kBlockInputs);
  }
}

}  // namespace

[[gnu::flatten]] void quantise_row(const float* x, int blocks, int halves, int8_t* codes, ActivationBlock* stats) {
  if (halves == 1) quantise_blocks<1>(x, blocks, codes, stats);
  if (halves == 2) quantise_blocks<2>(x, blocks, codes, stats);
}

}  // namespace leankv::LEANKV_ISA_NS
