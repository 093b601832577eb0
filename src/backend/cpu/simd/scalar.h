// The verbs without vector instructions: 4 lanes in plain loops. See simd/README.md for what each verb means.
#pragma once

#include <bit>
#include <cstddef>
#include <cstdint>

#include "base/half.h"

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kLanes = 4;

struct Floats {
  float lane[kLanes];
};
struct Ints {
  int32_t lane[kLanes];
};
struct Bytes {
  uint8_t byte[4 * kLanes];
};

template <class F>
inline Floats each_lane(F&& f) {
  Floats out;
  for (int i = 0; i < kLanes; ++i) out.lane[i] = f(i);
  return out;
}

inline Floats broadcast(float value) {
  return each_lane([&](int) { return value; });
}
inline Floats load(const float* from) {
  return each_lane([&](int i) { return from[i]; });
}
inline Floats load_half(const uint16_t* from) {
  return each_lane([&](int i) { return half_to_float(from[i]); });
}
inline Floats load_bfloat16(const uint16_t* from) {
  return each_lane([&](int i) { return bfloat16_to_float(from[i]); });
}
inline void store(float* to, const Floats& a) {
  for (int i = 0; i < kLanes; ++i) to[i] = a.lane[i];
}
inline void store_half(uint16_t* to, const Floats& a) {
  for (int i = 0; i < kLanes; ++i) to[i] = float_to_half(a.lane[i]);
}
inline Floats mul(const Floats& a, const Floats& b) {
  return each_lane([&](int i) { return a.lane[i] * b.lane[i]; });
}
inline Floats fma(const Floats& a, const Floats& b, const Floats& c) {
  return each_lane([&](int i) { return a.lane[i] * b.lane[i] + c.lane[i]; });
}
inline Floats to_float(const Ints& a) {
  return each_lane([&](int i) { return float(a.lane[i]); });
}
inline Floats add(const Floats& a, const Floats& b) {
  return each_lane([&](int i) { return a.lane[i] + b.lane[i]; });
}
inline Floats sub(const Floats& a, const Floats& b) {
  return each_lane([&](int i) { return a.lane[i] - b.lane[i]; });
}
inline Floats min(const Floats& a, const Floats& b) {
  return each_lane([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Floats max(const Floats& a, const Floats& b) {
  return each_lane([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Floats zero_where_equal(const Floats& a, const Floats& x, const Floats& y) {
  return each_lane([&](int i) { return x.lane[i] == y.lane[i] ? 0.0f : a.lane[i]; });
}
inline void store_eights(float* to, std::ptrdiff_t, const Floats& a) { store(to, a); }
inline void store_transposed_halves(const uint16_t* from, float* to, std::ptrdiff_t stride) {
  for (int i = 0; i < 16; ++i) to[i % 4 * stride + i / 4] = half_to_float(from[i]);
}

template <class F>
inline Ints each_int(F&& f) {
  Ints out;
  for (int i = 0; i < kLanes; ++i) out.lane[i] = f(i);
  return out;
}

inline Ints bits_of_floats(const Floats& a) {
  return each_int([&](int i) { return std::bit_cast<int32_t>(a.lane[i]); });
}
inline Floats floats_of_bits(const Ints& a) {
  return each_lane([&](int i) { return std::bit_cast<float>(a.lane[i]); });
}
inline Ints broadcast_int(int32_t value) {
  return each_int([&](int) { return value; });
}
inline Ints add(const Ints& a, const Ints& b) {
  return each_int([&](int i) { return int32_t(uint32_t(a.lane[i]) + uint32_t(b.lane[i])); });  // wraps, as vectors do
}
template <int kBits>
inline Ints shift_left(const Ints& a) {
  return each_int([&](int i) { return int32_t(uint32_t(a.lane[i]) << kBits); });
}

inline Bytes load_bytes(const uint8_t* from) {
  Bytes out;
  for (int i = 0; i < 4 * kLanes; ++i) out.byte[i] = from[i];
  return out;
}
inline Bytes broadcast_4(const int8_t* from) {
  Bytes out;
  for (int i = 0; i < 4 * kLanes; ++i) out.byte[i] = uint8_t(from[i % 4]);
  return out;
}
inline Bytes low_nibbles(const Bytes& a) {
  Bytes out;
  for (int i = 0; i < 4 * kLanes; ++i) out.byte[i] = a.byte[i] & 15;
  return out;
}
inline Bytes high_nibbles(const Bytes& a) {
  Bytes out;
  for (int i = 0; i < 4 * kLanes; ++i) out.byte[i] = uint8_t(a.byte[i] >> 4);
  return out;
}
template <int kByte>
inline Ints byte_of(const Bytes& a) {
  return each_int([&](int i) { return int32_t(a.byte[4 * i + kByte]); });
}
template <int kByte>
inline Ints signed_byte_of(const Bytes& a) {
  return each_int([&](int i) { return int32_t(int8_t(a.byte[4 * i + kByte])); });
}

template <class F>
inline Bytes each_byte(F&& f) {
  Bytes out;
  for (int i = 0; i < 4 * kLanes; ++i) out.byte[i] = uint8_t(f(i));
  return out;
}

inline void store_bytes(uint8_t* to, const Bytes& a) {
  for (int i = 0; i < 4 * kLanes; ++i) to[i] = a.byte[i];
}
template <int kShift, int kBits>
inline Bytes bits_of(const Bytes& a) {
  return each_byte([&](int i) { return a.byte[i] >> kShift & ((1 << kBits) - 1); });
}
template <int kShift>
inline Bytes join_bits(const Bytes& low, const Bytes& high) {
  return each_byte([&](int i) { return low.byte[i] | high.byte[i] << kShift; });
}
inline Bytes broadcast_16(const int8_t* from) {
  return each_byte([&](int i) { return from[i % 16]; });
}
inline Bytes look_up(const Bytes& table, const Bytes& index) {
  return each_byte([&](int i) { return table.byte[index.byte[i]]; });
}
inline Floats broadcast_quad(const float* from) { return load(from); }
inline Floats sum_fours(const Floats* a) {
  return each_lane([&](int i) { return (a[i].lane[0] + a[i].lane[1]) + (a[i].lane[2] + a[i].lane[3]); });
}
inline Ints load_ints(const int32_t* from) {
  return each_int([&](int i) { return from[i]; });
}
inline void store_ints(int32_t* to, const Ints& a) {
  for (int i = 0; i < kLanes; ++i) to[i] = a.lane[i];
}
inline void store_u16(uint16_t* to, const Ints& a) {
  for (int i = 0; i < kLanes; ++i) to[i] = uint16_t(uint32_t(a.lane[i]) & 0xffff);
}
inline Ints load_u16(const uint16_t* from) {
  return each_int([&](int i) { return int32_t(from[i]); });
}
inline Floats look_up_64(const float* table, const Ints& index) {
  return each_lane([&](int i) { return table[index.lane[i]]; });
}
inline Floats div(const Floats& a, const Floats& b) {
  return each_lane([&](int i) { return a.lane[i] / b.lane[i]; });
}
inline Floats square_root(const Floats& a) {
  return each_lane([&](int i) { return __builtin_sqrtf(a.lane[i]); });
}
inline Floats nearest(const Floats& a) {
  return each_lane([&](int i) { return __builtin_rintf(a.lane[i]); });
}
inline Floats times_power(const Floats& a, const Floats& n) {
  return each_lane([&](int i) {
    const int biased = int(n.lane[i]) + 127;
    return a.lane[i] * std::bit_cast<float>((biased > 0 ? biased : 0) << 23);
  });
}
inline float sum_lanes(const Floats& a) { return (a.lane[0] + a.lane[2]) + (a.lane[1] + a.lane[3]); }
inline float max_lanes(const Floats& a) {
  float most = a.lane[0];
  for (const float x : a.lane) most = x > most ? x : most;
  return most;
}
template <int kStride>
inline Floats butterfly(const Floats& a) {
  return each_lane(
      [&](int i) { return i & kStride ? a.lane[i - kStride] - a.lane[i] : a.lane[i] + a.lane[i + kStride]; });
}
inline Ints truncate_to_int(const Floats& a) {
  return each_int([&](int i) { return int32_t(a.lane[i]); });
}
inline Ints mul(const Ints& a, const Ints& b) {
  return each_int([&](int i) { return int32_t(uint32_t(a.lane[i]) * uint32_t(b.lane[i])); });
}
inline Ints bit_xor(const Ints& a, const Ints& b) {
  return each_int([&](int i) { return a.lane[i] ^ b.lane[i]; });
}
inline Ints min(const Ints& a, const Ints& b) {
  return each_int([&](int i) { return a.lane[i] < b.lane[i] ? a.lane[i] : b.lane[i]; });
}
inline Ints max(const Ints& a, const Ints& b) {
  return each_int([&](int i) { return a.lane[i] > b.lane[i] ? a.lane[i] : b.lane[i]; });
}
template <int kBits>
inline Ints shift_right_unsigned(const Ints& a) {
  return each_int([&](int i) { return int32_t(uint32_t(a.lane[i]) >> kBits); });
}
inline Ints sub(const Ints& a, const Ints& b) {
  return each_int([&](int i) { return int32_t(uint32_t(a.lane[i]) - uint32_t(b.lane[i])); });
}
inline Ints one_where_less(const Floats& x, const Floats& y) {
  return each_int([&](int i) { return x.lane[i] < y.lane[i] ? 1 : 0; });
}
inline Ints join_eights(const Ints& a, const Ints&) { return a; }
inline Ints load_u8(const uint8_t* from) {
  return each_int([&](int i) { return int32_t(from[i]); });
}
inline Floats look_up_16(const float* table, const Ints& index) {
  return each_lane([&](int i) { return table[index.lane[i]]; });
}
inline Ints load_u8_eights(const uint8_t* low, const uint8_t*) { return load_u8(low); }
inline Floats load_half_eights(const uint16_t* low, const uint16_t*) { return load_half(low); }
template <int kBits>
inline Ints shift_right(const Ints& a) {
  return each_int([&](int i) { return a.lane[i] >> kBits; });
}
inline Ints bit_and(const Ints& a, int32_t bits) {
  return each_int([&](int i) { return a.lane[i] & bits; });
}
inline Ints round_to_int(const Floats& a) {
  return each_int([&](int i) { return int32_t(__builtin_rintf(a.lane[i])); });
}
inline void store_low_bytes(int8_t* to, const Ints& a) {
  for (int i = 0; i < kLanes; ++i) to[i] = int8_t(uint8_t(a.lane[i]));
}
inline constexpr int kDotZero = 0;
template <int kCodeBits>
inline Ints dot(const Ints& sum, const Bytes& codes, const Bytes& x) {
  return each_int([&](int i) {
    int32_t out = sum.lane[i];
    for (int k = 0; k < 4; ++k) out += int32_t(codes.byte[4 * i + k]) * int8_t(x.byte[4 * i + k]);
    return out;
  });
}

inline Ints dot_pairs(const Ints& sum, const Bytes& a, const Bytes& b) {
  int16_t x[2 * kLanes], y[2 * kLanes];
  __builtin_memcpy(x, a.byte, sizeof x);
  __builtin_memcpy(y, b.byte, sizeof y);
  return each_int([&](int i) { return sum.lane[i] + x[2 * i] * y[2 * i] + x[2 * i + 1] * y[2 * i + 1]; });
}

}  // namespace leankv::LEANKV_ISA_NS

#include "backend/cpu/simd/byte_parts.h"  // in these verbs
#include "backend/cpu/simd/pairs.h"
