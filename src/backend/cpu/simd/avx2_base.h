// The verbs in AVX2, FMA and F16C: 8 lanes. See simd/README.md for what each verb means.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kLanes = 8;
using Floats = __m256;
using Ints = int32_t __attribute__((vector_size(32)));  // not __m256i, as avx512_base.h says
using Bytes = __m256i;
inline __m256i raw(Ints a) { return (__m256i)a; }

inline Floats broadcast(float value) { return _mm256_set1_ps(value); }
inline Floats load(const float* from) { return _mm256_loadu_ps(from); }
inline Floats load_half(const uint16_t* from) {
  return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Floats load_bfloat16(const uint16_t* from) {
  const __m128i bits = _mm_loadu_si128(reinterpret_cast<const __m128i*>(from));
  return _mm256_castsi256_ps(_mm256_slli_epi32(_mm256_cvtepu16_epi32(bits), 16));
}
inline void store(float* to, Floats a) { _mm256_storeu_ps(to, a); }
inline void store_half(uint16_t* to, Floats a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
inline Floats mul(Floats a, Floats b) { return _mm256_mul_ps(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm256_fmadd_ps(a, b, c); }
inline Floats to_float(Ints a) { return _mm256_cvtepi32_ps(raw(a)); }
inline Floats add(Floats a, Floats b) { return _mm256_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm256_sub_ps(a, b); }
inline Floats min(Floats a, Floats b) { return _mm256_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm256_max_ps(a, b); }
inline Floats zero_where_equal(Floats a, Floats x, Floats y) {
  return _mm256_and_ps(a, _mm256_cmp_ps(x, y, _CMP_NEQ_UQ));
}
inline Ints bits_of_floats(Floats a) { return (Ints)_mm256_castps_si256(a); }
inline Floats floats_of_bits(Ints a) { return _mm256_castsi256_ps(raw(a)); }
inline void store_eights(float* to, std::ptrdiff_t, Floats a) { store(to, a); }
inline void store_transposed_halves(const uint16_t* from, float* to, std::ptrdiff_t stride) {
  const __m256i pairs = _mm256_shuffle_epi8(
      _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)),
      _mm256_broadcastsi128_si256(_mm_setr_epi8(0, 1, 8, 9, 2, 3, 10, 11, 4, 5, 12, 13, 6, 7, 14, 15)));
  const __m256i columns = _mm256_permutevar8x32_epi32(pairs, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
  const Floats low = _mm256_cvtph_ps(_mm256_castsi256_si128(columns));
  const Floats high = _mm256_cvtph_ps(_mm256_extracti128_si256(columns, 1));
  _mm_storeu_ps(to, _mm256_castps256_ps128(low));
  _mm_storeu_ps(to + stride, _mm256_extractf128_ps(low, 1));
  _mm_storeu_ps(to + 2 * stride, _mm256_castps256_ps128(high));
  _mm_storeu_ps(to + 3 * stride, _mm256_extractf128_ps(high, 1));
}

inline Ints broadcast_int(int32_t value) { return (Ints)_mm256_set1_epi32(value); }
inline Ints add(Ints a, Ints b) { return (Ints)_mm256_add_epi32(raw(a), raw(b)); }
template <int kBits>
inline Ints shift_left(Ints a) {
  return (Ints)_mm256_slli_epi32(raw(a), kBits);
}

inline Bytes load_bytes(const uint8_t* from) { return _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
inline Bytes broadcast_4(const int8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof four);
  return _mm256_set1_epi32(four);
}
inline Bytes low_nibbles(Bytes a) { return _mm256_and_si256(a, _mm256_set1_epi8(15)); }
inline Bytes high_nibbles(Bytes a) { return low_nibbles(_mm256_srli_epi16(a, 4)); }
template <int kByte>
inline Ints byte_of(Bytes a) {
  return (Ints)_mm256_and_si256(_mm256_srli_epi32(a, 8 * kByte), _mm256_set1_epi32(255));
}
template <int kByte>
inline Ints signed_byte_of(Bytes a) {
  return (Ints)_mm256_srai_epi32(_mm256_slli_epi32(a, 24 - 8 * kByte), 24);
}
inline void store_bytes(uint8_t* to, Bytes a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), a); }
template <int kShift, int kBits>
inline Bytes bits_of(Bytes a) {
  return _mm256_and_si256(_mm256_srli_epi16(a, kShift), _mm256_set1_epi8((1 << kBits) - 1));
}
template <int kShift>
inline Bytes join_bits(Bytes low, Bytes high) {
  return _mm256_or_si256(low, _mm256_slli_epi16(high, kShift));
}
inline Bytes broadcast_16(const int8_t* from) {
  return _mm256_broadcastsi128_si256(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Bytes look_up(Bytes table, Bytes index) { return _mm256_shuffle_epi8(table, index); }

inline Floats broadcast_quad(const float* from) { return _mm256_broadcast_ps(reinterpret_cast<const __m128*>(from)); }
inline Floats sum_fours(const Floats* a) {
  // Half j of `fours` holds the sum of half j of a[0], a[1], a[2], a[3].
  const Floats fours = _mm256_hadd_ps(_mm256_hadd_ps(a[0], a[1]), _mm256_hadd_ps(a[2], a[3]));
  return _mm256_permutevar8x32_ps(fours, _mm256_setr_epi32(0, 4, 1, 5, 2, 6, 3, 7));
}
inline Ints load_ints(const int32_t* from) { return (Ints)_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)); }
inline void store_ints(int32_t* to, Ints a) { _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), raw(a)); }
inline void store_u16(uint16_t* to, Ints a) {
  const __m256i halves = _mm256_blend_epi16(raw(a), _mm256_setzero_si256(), 0xaa);
  const __m256i packed = _mm256_permute4x64_epi64(_mm256_packus_epi32(halves, halves), 0xd8);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm256_castsi256_si128(packed));
}
inline Ints load_u16(const uint16_t* from) {
  return (Ints)_mm256_cvtepu16_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Floats look_up_64(const float* table, Ints index) { return _mm256_i32gather_ps(table, raw(index), 4); }
inline Floats div(Floats a, Floats b) { return _mm256_div_ps(a, b); }
inline Floats square_root(Floats a) { return _mm256_sqrt_ps(a); }
inline Floats nearest(Floats a) { return _mm256_round_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Floats times_power(Floats a, Floats n) {
  const __m256i biased = _mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127));
  const __m256i exponent = _mm256_max_epi32(biased, _mm256_setzero_si256());
  return _mm256_mul_ps(a, _mm256_castsi256_ps(_mm256_slli_epi32(exponent, 23)));
}
inline float sum_lanes(Floats a) {
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(a), _mm256_extractf128_ps(a, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float max_lanes(Floats a) {
  const __m128 four = _mm_max_ps(_mm256_extractf128_ps(a, 1), _mm256_castps256_ps128(a));
  const __m128 two = _mm_max_ps(_mm_movehl_ps(four, four), four);
  return _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(two), two));
}
template <int kStride>
inline Floats butterfly(Floats a) {
  static_assert(kStride == 1 || kStride == 2 || kStride == 4);
  constexpr int kUpper = kStride == 1 ? 0xaa : kStride == 2 ? 0xcc : 0xf0;
  Floats other;
  if constexpr (kStride == 1) other = _mm256_permute_ps(a, 0xb1);
  if constexpr (kStride == 2) other = _mm256_permute_ps(a, 0x4e);
  if constexpr (kStride == 4) other = _mm256_permute2f128_ps(a, a, 1);
  return _mm256_blend_ps(add(a, other), sub(other, a), kUpper);
}
inline Ints truncate_to_int(Floats a) { return (Ints)_mm256_cvttps_epi32(a); }
inline Ints mul(Ints a, Ints b) { return (Ints)_mm256_mullo_epi32(raw(a), raw(b)); }
inline Ints bit_xor(Ints a, Ints b) { return (Ints)_mm256_xor_si256(raw(a), raw(b)); }
inline Ints min(Ints a, Ints b) { return (Ints)_mm256_min_epi32(raw(a), raw(b)); }
inline Ints max(Ints a, Ints b) { return (Ints)_mm256_max_epi32(raw(a), raw(b)); }
template <int kBits>
inline Ints shift_right_unsigned(Ints a) {
  return (Ints)_mm256_srli_epi32(raw(a), kBits);
}
inline Ints sub(Ints a, Ints b) { return (Ints)_mm256_sub_epi32(raw(a), raw(b)); }
inline Ints one_where_less(Floats x, Floats y) {
  return (Ints)_mm256_srli_epi32(_mm256_castps_si256(_mm256_cmp_ps(x, y, _CMP_LT_OQ)), 31);
}
inline Ints join_eights(Ints a, Ints) { return a; }
inline Ints load_u8(const uint8_t* from) {
  return (Ints)_mm256_cvtepu8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(from)));
}
inline Floats look_up_16(const float* table, Ints index) { return look_up_64(table, index); }
inline Ints load_u8_eights(const uint8_t* low, const uint8_t*) { return load_u8(low); }
inline Floats load_half_eights(const uint16_t* low, const uint16_t*) { return load_half(low); }
template <int kBits>
inline Ints shift_right(Ints a) {
  return (Ints)_mm256_srai_epi32(raw(a), kBits);
}
inline Ints bit_and(Ints a, int32_t bits) { return (Ints)_mm256_and_si256(raw(a), _mm256_set1_epi32(bits)); }
inline Ints round_to_int(Floats a) { return (Ints)_mm256_cvtps_epi32(a); }
inline void store_low_bytes(int8_t* to, Ints a) {
  const __m256i low = _mm256_shuffle_epi8(raw(a), _mm256_set1_epi32(0x0c080400));  // 4 bytes a half, repeated
  const __m128i bytes = _mm_unpacklo_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256(low, 1));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(to), bytes);
}

}  // namespace leankv::LEANKV_ISA_NS
