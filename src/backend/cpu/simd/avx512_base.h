// The verbs in AVX-512 F, BW, VL, DQ but for the dot product: 16 lanes. See simd/README.md for what each verb means.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kLanes = 16;
using Floats = __m512;
// Not __m512i: as 8 numbers of 64 bits, g++ 12 keeps each running sum twice, once as each type, and spills one.
using Ints = int32_t __attribute__((vector_size(64)));
using Bytes = __m512i;
inline __m512i raw(Ints a) { return (__m512i)a; }

inline Floats broadcast(float value) { return _mm512_set1_ps(value); }
inline Floats load(const float* from) { return _mm512_loadu_ps(from); }
inline Floats load_half(const uint16_t* from) {
  return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Floats load_bfloat16(const uint16_t* from) {
  const __m256i bits = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  return _mm512_castsi512_ps(_mm512_slli_epi32(_mm512_cvtepu16_epi32(bits), 16));
}
inline void store(float* to, Floats a) { _mm512_storeu_ps(to, a); }
inline void store_half(uint16_t* to, Floats a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtps_ph(a, _MM_FROUND_TO_NEAREST_INT));
}
inline Floats mul(Floats a, Floats b) { return _mm512_mul_ps(a, b); }
inline Floats fma(Floats a, Floats b, Floats c) { return _mm512_fmadd_ps(a, b, c); }
inline Floats to_float(Ints a) { return _mm512_cvtepi32_ps(raw(a)); }
inline Floats add(Floats a, Floats b) { return _mm512_add_ps(a, b); }
inline Floats sub(Floats a, Floats b) { return _mm512_sub_ps(a, b); }
inline Floats min(Floats a, Floats b) { return _mm512_min_ps(a, b); }
inline Floats max(Floats a, Floats b) { return _mm512_max_ps(a, b); }
inline Floats zero_where_equal(Floats a, Floats x, Floats y) {
  return _mm512_maskz_mov_ps(_mm512_cmp_ps_mask(x, y, _CMP_NEQ_UQ), a);
}
inline Ints bits_of_floats(Floats a) { return (Ints)_mm512_castps_si512(a); }
inline Floats floats_of_bits(Ints a) { return _mm512_castsi512_ps(raw(a)); }
inline void store_eights(float* to, std::ptrdiff_t stride, Floats a) {
  _mm256_storeu_ps(to, _mm512_castps512_ps256(a));
  _mm256_storeu_ps(to + stride, _mm512_extractf32x8_ps(a, 1));
}
inline void store_transposed_halves(const uint16_t* from, float* to, std::ptrdiff_t stride) {
  const __m256i order = _mm256_setr_epi16(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
  const __m256i rows = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(from));
  const Floats columns = _mm512_cvtph_ps(_mm256_permutexvar_epi16(order, rows));
  _mm_storeu_ps(to, _mm512_castps512_ps128(columns));
  _mm_storeu_ps(to + stride, _mm512_extractf32x4_ps(columns, 1));
  _mm_storeu_ps(to + 2 * stride, _mm512_extractf32x4_ps(columns, 2));
  _mm_storeu_ps(to + 3 * stride, _mm512_extractf32x4_ps(columns, 3));
}

inline Ints broadcast_int(int32_t value) { return (Ints)_mm512_set1_epi32(value); }
inline Ints add(Ints a, Ints b) { return (Ints)_mm512_add_epi32(raw(a), raw(b)); }
template <int kBits>
inline Ints shift_left(Ints a) {
  return (Ints)_mm512_slli_epi32(raw(a), kBits);
}

inline Bytes load_bytes(const uint8_t* from) { return _mm512_loadu_si512(from); }
inline Bytes broadcast_4(const int8_t* from) {
  int32_t four;
  __builtin_memcpy(&four, from, sizeof four);
  return _mm512_set1_epi32(four);
}
inline Bytes low_nibbles(Bytes a) { return _mm512_and_si512(a, _mm512_set1_epi8(15)); }
inline Bytes high_nibbles(Bytes a) { return low_nibbles(_mm512_srli_epi16(a, 4)); }
template <int kByte>
inline Ints byte_of(Bytes a) {
  return (Ints)_mm512_and_si512(_mm512_srli_epi32(a, 8 * kByte), _mm512_set1_epi32(255));
}
template <int kByte>
inline Ints signed_byte_of(Bytes a) {
  return (Ints)_mm512_srai_epi32(_mm512_slli_epi32(a, 24 - 8 * kByte), 24);
}
inline void store_bytes(uint8_t* to, Bytes a) { _mm512_storeu_si512(to, a); }
template <int kShift, int kBits>
inline Bytes bits_of(Bytes a) {
  return _mm512_and_si512(_mm512_srli_epi16(a, kShift), _mm512_set1_epi8((1 << kBits) - 1));
}
template <int kShift>
inline Bytes join_bits(Bytes low, Bytes high) {
  return _mm512_or_si512(low, _mm512_slli_epi16(high, kShift));
}
inline Bytes broadcast_16(const int8_t* from) {
  return _mm512_broadcast_i32x4(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Bytes look_up(Bytes table, Bytes index) { return _mm512_shuffle_epi8(table, index); }

inline Floats broadcast_quad(const float* from) { return _mm512_broadcast_f32x4(_mm_loadu_ps(from)); }
inline Floats sum_fours(const Floats* a) {
  // Sums of pairs, then of fours, within quarters: quarter j holds token j of a[0], a[1], a[2], a[3].
  const Floats low = add(_mm512_unpacklo_ps(a[0], a[1]), _mm512_unpackhi_ps(a[0], a[1]));
  const Floats high = add(_mm512_unpacklo_ps(a[2], a[3]), _mm512_unpackhi_ps(a[2], a[3]));
  const Floats fours = add(_mm512_shuffle_ps(low, high, 0x44), _mm512_shuffle_ps(low, high, 0xee));
  return _mm512_permutexvar_ps(_mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15), fours);
}
inline Ints load_ints(const int32_t* from) { return (Ints)_mm512_loadu_si512(from); }
inline void store_ints(int32_t* to, Ints a) { _mm512_storeu_si512(to, raw(a)); }
inline void store_u16(uint16_t* to, Ints a) {
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(to), _mm512_cvtepi32_epi16(raw(a)));
}
inline Ints load_u16(const uint16_t* from) {
  return (Ints)_mm512_cvtepu16_epi32(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(from)));
}
inline Floats look_up_64(const float* table, Ints index) {  // some cores gather one lane after the other
  const Floats low = _mm512_permutex2var_ps(load(table), raw(index), load(table + 16));
  const Floats high = _mm512_permutex2var_ps(load(table + 32), raw(index), load(table + 48));
  return _mm512_mask_blend_ps(_mm512_test_epi32_mask(raw(index), _mm512_set1_epi32(32)), low, high);
}
inline Floats div(Floats a, Floats b) { return _mm512_div_ps(a, b); }
inline Floats square_root(Floats a) { return _mm512_sqrt_ps(a); }
inline Floats nearest(Floats a) { return _mm512_roundscale_ps(a, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
inline Floats times_power(Floats a, Floats n) { return _mm512_scalef_ps(a, n); }
inline float sum_lanes(Floats a) {
  const __m256 eight = _mm256_add_ps(_mm512_castps512_ps256(a), _mm512_extractf32x8_ps(a, 1));
  const __m128 four = _mm_add_ps(_mm256_castps256_ps128(eight), _mm256_extractf128_ps(eight, 1));
  const __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
  return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
}
inline float max_lanes(Floats a) {
  const __m256 eight = _mm256_max_ps(_mm512_extractf32x8_ps(a, 1), _mm512_castps512_ps256(a));
  const __m128 four = _mm_max_ps(_mm256_extractf128_ps(eight, 1), _mm256_castps256_ps128(eight));
  const __m128 two = _mm_max_ps(_mm_movehl_ps(four, four), four);
  return _mm_cvtss_f32(_mm_max_ss(_mm_movehdup_ps(two), two));
}
template <int kStride>
inline Floats butterfly(Floats a) {
  static_assert(kStride == 1 || kStride == 2 || kStride == 4 || kStride == 8);
  constexpr __mmask16 kUpper = kStride == 1 ? 0xaaaa : kStride == 2 ? 0xcccc : kStride == 4 ? 0xf0f0 : 0xff00;
  Floats other;
  if constexpr (kStride == 1) other = _mm512_permute_ps(a, 0xb1);
  if constexpr (kStride == 2) other = _mm512_permute_ps(a, 0x4e);
  if constexpr (kStride == 4) other = _mm512_shuffle_f32x4(a, a, 0xb1);
  if constexpr (kStride == 8) other = _mm512_shuffle_f32x4(a, a, 0x4e);
  return _mm512_mask_sub_ps(add(a, other), kUpper, other, a);
}
inline Ints truncate_to_int(Floats a) { return (Ints)_mm512_cvttps_epi32(a); }
inline Ints mul(Ints a, Ints b) { return (Ints)_mm512_mullo_epi32(raw(a), raw(b)); }
inline Ints bit_xor(Ints a, Ints b) { return (Ints)_mm512_xor_si512(raw(a), raw(b)); }
inline Ints min(Ints a, Ints b) { return (Ints)_mm512_min_epi32(raw(a), raw(b)); }
inline Ints max(Ints a, Ints b) { return (Ints)_mm512_max_epi32(raw(a), raw(b)); }
template <int kBits>
inline Ints shift_right_unsigned(Ints a) {
  return (Ints)_mm512_srli_epi32(raw(a), kBits);
}
inline Ints sub(Ints a, Ints b) { return (Ints)_mm512_sub_epi32(raw(a), raw(b)); }
inline Ints one_where_less(Floats x, Floats y) {
  return (Ints)_mm512_maskz_set1_epi32(_mm512_cmp_ps_mask(x, y, _CMP_LT_OQ), 1);
}
inline Ints join_eights(Ints a, Ints b) {
  return add((Ints)_mm512_inserti64x4(raw(a), _mm512_castsi512_si256(raw(b)), 1),
             (Ints)_mm512_shuffle_i64x2(raw(a), raw(b), 0xee));
}
inline Ints load_u8(const uint8_t* from) {
  return (Ints)_mm512_cvtepu8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(from)));
}
inline Floats look_up_16(const float* table, Ints index) { return _mm512_permutexvar_ps(raw(index), load(table)); }
inline Ints load_u8_eights(const uint8_t* low, const uint8_t* high) {
  return (Ints)_mm512_cvtepu8_epi32(_mm_unpacklo_epi64(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(low)),
                                                       _mm_loadl_epi64(reinterpret_cast<const __m128i*>(high))));
}
inline Floats load_half_eights(const uint16_t* low, const uint16_t* high) {
  return _mm512_cvtph_ps(_mm256_setr_m128i(_mm_loadu_si128(reinterpret_cast<const __m128i*>(low)),
                                           _mm_loadu_si128(reinterpret_cast<const __m128i*>(high))));
}
template <int kBits>
inline Ints shift_right(Ints a) {
  return (Ints)_mm512_srai_epi32(raw(a), kBits);
}
inline Ints bit_and(Ints a, int32_t bits) { return (Ints)_mm512_and_si512(raw(a), _mm512_set1_epi32(bits)); }
inline Ints round_to_int(Floats a) { return (Ints)_mm512_cvtps_epi32(a); }
inline void store_low_bytes(int8_t* to, Ints a) {
  _mm_storeu_si128(reinterpret_cast<__m128i*>(to), _mm512_cvtepi32_epi8(raw(a)));
}

}  // namespace leankv::LEANKV_ISA_NS
