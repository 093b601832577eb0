// The verbs in NEON but for the products of bytes: 8 lanes in two registers, of which there are 32, so that kernels
// find as many vectors as AVX2 has. See simd/README.md for what each verb means.
#pragma once

#include <arm_neon.h>

#include <cstddef>
#include <cstdint>

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kLanes = 8;
struct Floats {
  float32x4_t low, high;
};
struct Ints {
  int32x4_t low, high;
};
struct Bytes {
  uint8x16_t low, high;
};

inline Floats broadcast(float value) { return {vdupq_n_f32(value), vdupq_n_f32(value)}; }
inline Floats load(const float* from) { return {vld1q_f32(from), vld1q_f32(from + 4)}; }
inline Floats load_half(const uint16_t* from) {
  const float16x8_t halves = vreinterpretq_f16_u16(vld1q_u16(from));
  return {vcvt_f32_f16(vget_low_f16(halves)), vcvt_high_f32_f16(halves)};
}
inline Floats load_bfloat16(const uint16_t* from) {
  const uint16x8_t bits = vld1q_u16(from);
  return {vreinterpretq_f32_u32(vshll_n_u16(vget_low_u16(bits), 16)),
          vreinterpretq_f32_u32(vshll_high_n_u16(bits, 16))};
}
inline void store(float* to, Floats a) {
  vst1q_f32(to, a.low);
  vst1q_f32(to + 4, a.high);
}
inline void store_half(uint16_t* to, Floats a) {
  vst1q_u16(to, vreinterpretq_u16_f16(vcvt_high_f16_f32(vcvt_f16_f32(a.low), a.high)));
}
inline Floats mul(Floats a, Floats b) { return {a.low * b.low, a.high * b.high}; }
inline Floats fma(Floats a, Floats b, Floats c) {
  return {vfmaq_f32(c.low, a.low, b.low), vfmaq_f32(c.high, a.high, b.high)};
}
inline Floats to_float(Ints a) { return {vcvtq_f32_s32(a.low), vcvtq_f32_s32(a.high)}; }
inline Floats add(Floats a, Floats b) { return {a.low + b.low, a.high + b.high}; }
inline Floats sub(Floats a, Floats b) { return {a.low - b.low, a.high - b.high}; }
inline Floats div(Floats a, Floats b) { return {a.low / b.low, a.high / b.high}; }
inline Floats square_root(Floats a) { return {vsqrtq_f32(a.low), vsqrtq_f32(a.high)}; }
inline Floats nearest(Floats a) { return {vrndnq_f32(a.low), vrndnq_f32(a.high)}; }
inline float32x4_t power_of_two(float32x4_t n) {
  const int32x4_t biased = vaddq_s32(vcvtq_s32_f32(n), vdupq_n_s32(127));
  return vreinterpretq_f32_s32(vshlq_n_s32(vmaxq_s32(biased, vdupq_n_s32(0)), 23));
}
inline Floats times_power(Floats a, Floats n) {
  return {vmulq_f32(a.low, power_of_two(n.low)), vmulq_f32(a.high, power_of_two(n.high))};
}
inline float sum_lanes(Floats a) {
  const float32x4_t four = a.low + a.high;
  const float32x2_t two = vadd_f32(vget_low_f32(four), vget_high_f32(four));
  return vget_lane_f32(two, 0) + vget_lane_f32(two, 1);
}
inline float max_lanes(Floats a) { return vmaxnmvq_f32(vmaxnmq_f32(a.low, a.high)); }
inline float32x4_t butterfly_of(float32x4_t a, float32x4_t other, uint32x4_t upper) {
  return vbslq_f32(upper, other - a, a + other);
}
template <int kStride>
inline Floats butterfly(Floats a) {
  static_assert(kStride == 1 || kStride == 2 || kStride == 4);
  if constexpr (kStride == 4) return {a.low + a.high, a.low - a.high};
  const uint32x4_t odd = {0, ~0u, 0, ~0u}, last = {0, 0, ~0u, ~0u};
  if constexpr (kStride == 1) {
    return {butterfly_of(a.low, vrev64q_f32(a.low), odd), butterfly_of(a.high, vrev64q_f32(a.high), odd)};
  }
  return {butterfly_of(a.low, vextq_f32(a.low, a.low, 2), last),
          butterfly_of(a.high, vextq_f32(a.high, a.high, 2), last)};
}
// Not fmin and fmax, which give NaN for NaN.
inline Floats min(Floats a, Floats b) {
  return {vbslq_f32(vcltq_f32(a.low, b.low), a.low, b.low), vbslq_f32(vcltq_f32(a.high, b.high), a.high, b.high)};
}
inline Floats max(Floats a, Floats b) {
  return {vbslq_f32(vcgtq_f32(a.low, b.low), a.low, b.low), vbslq_f32(vcgtq_f32(a.high, b.high), a.high, b.high)};
}
inline Ints bits_of_floats(Floats a) { return {vreinterpretq_s32_f32(a.low), vreinterpretq_s32_f32(a.high)}; }
inline Floats floats_of_bits(Ints a) { return {vreinterpretq_f32_s32(a.low), vreinterpretq_f32_s32(a.high)}; }
inline Floats zero_where_equal(Floats a, Floats x, Floats y) {
  const Ints bits = bits_of_floats(a);
  return floats_of_bits({bits.low & (x.low != y.low), bits.high & (x.high != y.high)});
}
inline Ints one_where_less(Floats x, Floats y) { return {-int32x4_t(x.low < y.low), -int32x4_t(x.high < y.high)}; }
inline Ints truncate_to_int(Floats a) { return {vcvtq_s32_f32(a.low), vcvtq_s32_f32(a.high)}; }
inline Ints round_to_int(Floats a) { return {vcvtnq_s32_f32(a.low), vcvtnq_s32_f32(a.high)}; }
inline void store_eights(float* to, std::ptrdiff_t, Floats a) { store(to, a); }
inline void store_transposed_halves(const uint16_t* from, float* to, std::ptrdiff_t stride) {
  const uint16x4x4_t columns = vld4_u16(from);
  vst1q_f32(to, vcvt_f32_f16(vreinterpret_f16_u16(columns.val[0])));
  vst1q_f32(to + stride, vcvt_f32_f16(vreinterpret_f16_u16(columns.val[1])));
  vst1q_f32(to + 2 * stride, vcvt_f32_f16(vreinterpret_f16_u16(columns.val[2])));
  vst1q_f32(to + 3 * stride, vcvt_f32_f16(vreinterpret_f16_u16(columns.val[3])));
}
inline Floats broadcast_quad(const float* from) { return {vld1q_f32(from), vld1q_f32(from)}; }
inline Floats sum_fours(const Floats* a) {
  return {vpaddq_f32(vpaddq_f32(a[0].low, a[0].high), vpaddq_f32(a[1].low, a[1].high)),
          vpaddq_f32(vpaddq_f32(a[2].low, a[2].high), vpaddq_f32(a[3].low, a[3].high))};
}

inline Ints broadcast_int(int32_t value) { return {vdupq_n_s32(value), vdupq_n_s32(value)}; }
inline Ints load_ints(const int32_t* from) { return {vld1q_s32(from), vld1q_s32(from + 4)}; }
inline void store_ints(int32_t* to, Ints a) {
  vst1q_s32(to, a.low);
  vst1q_s32(to + 4, a.high);
}
inline void store_u16(uint16_t* to, Ints a) {
  vst1q_u16(to, vreinterpretq_u16_s16(vmovn_high_s32(vmovn_s32(a.low), a.high)));
}
inline Ints widened(uint16x8_t a) {
  return {vreinterpretq_s32_u32(vmovl_u16(vget_low_u16(a))), vreinterpretq_s32_u32(vmovl_high_u16(a))};
}
inline Ints load_u16(const uint16_t* from) { return widened(vld1q_u16(from)); }
inline Ints load_u8(const uint8_t* from) { return widened(vmovl_u8(vld1_u8(from))); }
inline Ints add(Ints a, Ints b) { return {vaddq_s32(a.low, b.low), vaddq_s32(a.high, b.high)}; }
inline Ints sub(Ints a, Ints b) { return {vsubq_s32(a.low, b.low), vsubq_s32(a.high, b.high)}; }
inline Ints mul(Ints a, Ints b) { return {vmulq_s32(a.low, b.low), vmulq_s32(a.high, b.high)}; }
inline Ints min(Ints a, Ints b) { return {vminq_s32(a.low, b.low), vminq_s32(a.high, b.high)}; }
inline Ints max(Ints a, Ints b) { return {vmaxq_s32(a.low, b.low), vmaxq_s32(a.high, b.high)}; }
inline Ints bit_xor(Ints a, Ints b) { return {a.low ^ b.low, a.high ^ b.high}; }
inline Ints bit_and(Ints a, int32_t bits) { return {a.low & bits, a.high & bits}; }
template <int kBits>
inline Ints shift_left(Ints a) {
  return {a.low << kBits, a.high << kBits};
}
inline Ints load_u8_eights(const uint8_t* low, const uint8_t*) { return load_u8(low); }
inline Floats load_half_eights(const uint16_t* low, const uint16_t*) { return load_half(low); }
template <int kBits>
inline Ints shift_right(Ints a) {
  return {a.low >> kBits, a.high >> kBits};
}
template <int kBits>
inline Ints shift_right_unsigned(Ints a) {
  return {int32x4_t(uint32x4_t(a.low) >> kBits), int32x4_t(uint32x4_t(a.high) >> kBits)};
}
inline Ints join_eights(Ints a, Ints) { return a; }
inline int16x8_t low_halves(Ints a) { return vcombine_s16(vmovn_s32(a.low), vmovn_s32(a.high)); }
inline void store_low_bytes(int8_t* to, Ints a) { vst1_s8(to, vmovn_s16(low_halves(a))); }
inline Floats look_up_64(const float* table, Ints index) {
  int32_t at[kLanes];
  float found[kLanes];
  store_ints(at, index);
  for (int i = 0; i < kLanes; ++i) found[i] = table[at[i]];
  return load(found);
}
// The 64 bytes of the table, byte by byte: those of entry i are 4 i and the 3 behind it.
inline Floats look_up_16(const float* table, Ints index) {
  const uint8_t* bytes = reinterpret_cast<const uint8_t*>(table);
  const uint8x16x4_t entries = {{vld1q_u8(bytes), vld1q_u8(bytes + 16), vld1q_u8(bytes + 32), vld1q_u8(bytes + 48)}};
  const Ints at = add(mul(index, broadcast_int(0x04040404)), broadcast_int(0x03020100));
  return {vreinterpretq_f32_u8(vqtbl4q_u8(entries, vreinterpretq_u8_s32(at.low))),
          vreinterpretq_f32_u8(vqtbl4q_u8(entries, vreinterpretq_u8_s32(at.high)))};
}

inline Bytes load_bytes(const uint8_t* from) { return {vld1q_u8(from), vld1q_u8(from + 16)}; }
inline void store_bytes(uint8_t* to, Bytes a) {
  vst1q_u8(to, a.low);
  vst1q_u8(to + 16, a.high);
}
inline Bytes broadcast_4(const int8_t* from) {
  uint32_t four;
  __builtin_memcpy(&four, from, sizeof four);
  const uint8x16_t repeated = vreinterpretq_u8_u32(vdupq_n_u32(four));
  return {repeated, repeated};
}
inline Bytes broadcast_16(const int8_t* from) {
  const uint8x16_t sixteen = vreinterpretq_u8_s8(vld1q_s8(from));
  return {sixteen, sixteen};
}
inline Bytes look_up(Bytes table, Bytes index) {
  return {vqtbl1q_u8(table.low, index.low), vqtbl1q_u8(table.high, index.high)};
}
inline Bytes low_nibbles(Bytes a) { return {a.low & 15, a.high & 15}; }
inline Bytes high_nibbles(Bytes a) { return {a.low >> 4, a.high >> 4}; }
template <int kShift, int kBits>
inline Bytes bits_of(Bytes a) {
  constexpr uint8_t kMask = (1 << kBits) - 1;
  return {a.low >> kShift & kMask, a.high >> kShift & kMask};
}
template <int kShift>
inline Bytes join_bits(Bytes low, Bytes high) {
  return {low.low | high.low << kShift, low.high | high.high << kShift};
}
template <int kByte>
inline Ints byte_of(Bytes a) {
  return {int32x4_t(uint32x4_t(a.low) >> 8 * kByte & 255), int32x4_t(uint32x4_t(a.high) >> 8 * kByte & 255)};
}
template <int kByte>
inline Ints signed_byte_of(Bytes a) {
  constexpr int kAbove = 24 - 8 * kByte;
  return {int32x4_t(a.low) << kAbove >> 24, int32x4_t(a.high) << kAbove >> 24};
}

// The first numbers of all lanes, then the second ones, so that each meets a multiplication that widens.
inline void store_pairs(int16_t* to, Ints even, Ints odd) {
  vst1q_s16(to, vmovn_high_s32(vmovn_s32(even.low), even.high));
  vst1q_s16(to + kLanes, vmovn_high_s32(vmovn_s32(odd.low), odd.high));
}
inline Ints dot_pairs(Ints sum, Bytes a, Bytes b) {
  const int16x8_t even = vreinterpretq_s16_u8(a.low), odd = vreinterpretq_s16_u8(a.high);
  const int16x4_t two = vget_low_s16(vreinterpretq_s16_u8(b.low));
  sum.low = vmlal_lane_s16(vmlal_lane_s16(sum.low, vget_low_s16(even), two, 0), vget_low_s16(odd), two, 1);
  sum.high = vmlal_high_lane_s16(vmlal_high_lane_s16(sum.high, even, two, 0), odd, two, 1);
  return sum;
}

}  // namespace leankv::LEANKV_ISA_NS
