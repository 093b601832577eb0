// The verbs in the NEON that every 64-bit Arm has.
#pragma once

#include "backend/cpu/simd/neon_base.h"

namespace leankv::LEANKV_ISA_NS {

// 4-bit codes: a pair sum is at most 2 * 15 * 128 = 3840, so it fits 16 bits. 8-bit codes: one product does, 255 * 128,
// where both sides are widened to 16 bits before, even and odd bytes apart.
template <int kCodeBits>
inline int32x4_t dot_register(int32x4_t sum, uint8x16_t codes, uint8x16_t x) {
  if constexpr (kCodeBits == 4) {
    const int8x16_t a = vreinterpretq_s8_u8(codes), b = vreinterpretq_s8_u8(x);
    return vpadalq_s16(sum, vpaddq_s16(vmull_s8(vget_low_s8(a), vget_low_s8(b)), vmull_high_s8(a, b)));
  } else {
    const int16x8_t even = int16x8_t(codes) & 255, odd = int16x8_t(uint16x8_t(codes) >> 8);
    const int16x8_t even_x = int16x8_t(x) << 8 >> 8, odd_x = int16x8_t(x) >> 8;
    return vpadalq_s16(vpadalq_s16(sum, even * even_x), odd * odd_x);
  }
}
inline constexpr int kDotZero = 0;
template <int kCodeBits>
inline Ints dot(Ints sum, Bytes codes, Bytes x) {
  return {dot_register<kCodeBits>(sum.low, codes.low, x.low), dot_register<kCodeBits>(sum.high, codes.high, x.high)};
}

// As in avx2.h, 16-bit numbers stay whole: those of even bytes apart from those of odd ones.
inline constexpr int kPartSums = 1;
inline void store_parts(int8_t* even, int8_t* odd, Ints a) {
  const int16x4_t first = vmovn_s32(a.low), second = vmovn_s32(a.high);
  vst1_s8(even, vreinterpret_s8_s16(vuzp1_s16(first, second)));
  vst1_s8(odd, vreinterpret_s8_s16(vuzp2_s16(first, second)));
}
template <int kPart>
inline Bytes part_of(Bytes codes) {
  const uint16x8_t low = vreinterpretq_u16_u8(codes.low), high = vreinterpretq_u16_u8(codes.high);
  if constexpr (kPart == 0) return {vreinterpretq_u8_u16(low & 255), vreinterpretq_u8_u16(high & 255)};
  return {vreinterpretq_u8_u16(low >> 8), vreinterpretq_u8_u16(high >> 8)};
}
inline int32x4_t products_of_pairs(uint8x16_t codes, uint8x16_t x) {
  const int16x8_t a = vreinterpretq_s16_u8(codes), b = vreinterpretq_s16_u8(x);
  return vpaddq_s32(vmull_s16(vget_low_s16(a), vget_low_s16(b)), vmull_high_s16(a, b));
}
inline Ints dot_part(Ints sum, Bytes codes, Bytes x) {
  return {vaddq_s32(sum.low, products_of_pairs(codes.low, x.low)),
          vaddq_s32(sum.high, products_of_pairs(codes.high, x.high))};
}
inline Ints join_parts(Ints sum, Ints) { return sum; }
inline void add_parts(Ints* sum, Ints a) { *sum = add(*sum, a); }

}  // namespace leankv::LEANKV_ISA_NS
