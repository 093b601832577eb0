#include <bit>

#include "backend/cpu/kernels/linear_functions.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

// Adding 1.5 * 2^23 leaves a float whose low mantissa bits are the value rounded to nearest even, for |v| < 2^22:
// the same on every instruction set.
constexpr float kRounder = 12582912.0f;

inline int32_t round_to_int(float value) {
  return std::bit_cast<int32_t>(value + kRounder) - std::bit_cast<int32_t>(kRounder);
}

// The largest |x|, compared as bits: order does not matter, and a NaN wins, so that it reaches the result.
inline float largest_magnitude(const float* x) {
  int32_t largest = 0;
  for (int i = 0; i < kBlockInputs; ++i) {
    const int32_t bits = std::bit_cast<int32_t>(x[i]) & 0x7fffffff;
    largest = bits > largest ? bits : largest;
  }
  return std::bit_cast<float>(largest);
}

template <int kHalves>
inline ActivationBlock quantise_block(const float* x, int8_t* codes) {
  constexpr float kLargest = kHalves == 1 ? kLargestInt8 : kLargestInt16;
  constexpr float kSmallest = 1e-33f;  // below it kLargest / max could overflow: such a block is zero
  const float max = largest_magnitude(x);
  // The codes of a block that holds NaN or infinity are zeros: its scale makes the result NaN.
  const bool has_codes = max >= kSmallest && max < __builtin_inff();
  const float inverse = has_codes ? kLargest / max : 0.0f;
  int32_t total = 0;
  for (int i = 0; i < kBlockInputs; ++i) {
    const int32_t code = has_codes ? round_to_int(x[i] * inverse) : 0;
    const int8_t low = int8_t(code & 255);
    if constexpr (kHalves == 2) codes[i] = int8_t((code - low) >> 8);
    codes[(kHalves - 1) * kBlockInputs + i] = low;
    total += code;
  }
  const float scale = max < kSmallest ? 0.0f : max / kLargest;
  return {scale, scale * float(total), total};
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
