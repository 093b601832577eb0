// The verbs in AVX-512 without VNNI.
#pragma once

#include "backend/cpu/simd/avx512_base.h"

namespace leankv::LEANKV_ISA_NS {

// As in avx2.h: maddubs is exact for 4-bit codes, 8-bit codes are widened to 16 bits first.
inline constexpr int kDotZero = 0;
template <int kCodeBits>
inline Ints dot(Ints sum, Bytes codes, Bytes x) {
  if constexpr (kCodeBits == 4) {
    return add(sum, (Ints)_mm512_madd_epi16(_mm512_maddubs_epi16(codes, x), _mm512_set1_epi16(1)));
  } else {
    const __m512i even_x = _mm512_srai_epi16(_mm512_slli_epi16(x, 8), 8), odd_x = _mm512_srai_epi16(x, 8);
    const __m512i even = _mm512_and_si512(codes, _mm512_set1_epi16(255)), odd = _mm512_srli_epi16(codes, 8);
    return add(sum, add((Ints)_mm512_madd_epi16(even, even_x), (Ints)_mm512_madd_epi16(odd, odd_x)));
  }
}

// Without products of bytes, 16-bit numbers are cheaper whole: those of even bytes apart from those of odd ones.
inline constexpr int kPartSums = 1;
inline void store_parts(int8_t* even, int8_t* odd, Ints a) {
  const __m256i halves = _mm512_cvtepi32_epi16(raw(a));  // 4 of a quad in 8 bytes: 0, 1, 2, 3
  const __m256i sorted =
      _mm256_shuffle_epi8(halves, _mm256_setr_epi8(0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15,  //
                                                   0, 1, 4, 5, 8, 9, 12, 13, 2, 3, 6, 7, 10, 11, 14, 15));
  const __m256i parts = _mm256_permute4x64_epi64(sorted, 0xd8);  // all even ones, then all odd ones
  _mm_storeu_si128(reinterpret_cast<__m128i*>(even), _mm256_castsi256_si128(parts));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(odd), _mm256_extracti128_si256(parts, 1));
}
template <int kPart>
inline Bytes part_of(Bytes codes) {
  return kPart == 0 ? _mm512_and_si512(codes, _mm512_set1_epi16(255)) : _mm512_srli_epi16(codes, 8);
}
inline Ints dot_part(Ints sum, Bytes codes, Bytes x) { return add(sum, (Ints)_mm512_madd_epi16(codes, x)); }
inline Ints dot_pairs(Ints sum, Bytes a, Bytes b) { return add(sum, (Ints)_mm512_madd_epi16(a, b)); }
inline Ints join_parts(Ints sum, Ints) { return sum; }
inline void add_parts(Ints* sum, Ints a) { *sum = add(*sum, a); }

}  // namespace leankv::LEANKV_ISA_NS

#include "backend/cpu/simd/pairs.h"  // in these verbs
