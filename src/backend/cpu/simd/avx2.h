// The verbs in AVX2, FMA and F16C.
#pragma once

#include "backend/cpu/simd/avx2_base.h"

namespace leankv::LEANKV_ISA_NS {

// 4-bit codes: a pair sum is at most 2 * 15 * 128 = 3840, so maddubs cannot saturate. 8-bit codes: a pair could reach
// 2 * 255 * 128 = 65280, so both sides are widened to 16 bits, even and odd bytes apart, before they are multiplied.
inline constexpr int kDotZero = 0;
template <int kCodeBits>
inline Ints dot(Ints sum, Bytes codes, Bytes x) {
  if constexpr (kCodeBits == 4) {
    return add(sum, (Ints)_mm256_madd_epi16(_mm256_maddubs_epi16(codes, x), _mm256_set1_epi16(1)));
  } else {
    const __m256i even_x = _mm256_srai_epi16(_mm256_slli_epi16(x, 8), 8), odd_x = _mm256_srai_epi16(x, 8);
    const __m256i even = _mm256_and_si256(codes, _mm256_set1_epi16(255)), odd = _mm256_srli_epi16(codes, 8);
    return add(sum, add((Ints)_mm256_madd_epi16(even, even_x), (Ints)_mm256_madd_epi16(odd, odd_x)));
  }
}

// Without products of bytes, 16-bit numbers are cheaper whole: those of even bytes apart from those of odd ones.
inline constexpr int kPartSums = 1;
inline void store_parts(int8_t* even, int8_t* odd, Ints a) {
  const __m256i order = _mm256_setr_epi8(0, 1, 8, 9, -1, -1, -1, -1, 4, 5, 12, 13, -1, -1, -1, -1,  //
                                         0, 1, 8, 9, -1, -1, -1, -1, 4, 5, 12, 13, -1, -1, -1, -1);
  const __m256i parts = _mm256_shuffle_epi8(raw(a), order);
  const __m128i first = _mm256_castsi256_si128(parts), second = _mm256_extracti128_si256(parts, 1);
  _mm_storel_epi64(reinterpret_cast<__m128i*>(even), _mm_unpacklo_epi32(first, second));
  _mm_storel_epi64(reinterpret_cast<__m128i*>(odd), _mm_unpackhi_epi32(first, second));
}
template <int kPart>
inline Bytes part_of(Bytes codes) {
  return kPart == 0 ? _mm256_and_si256(codes, _mm256_set1_epi16(255)) : _mm256_srli_epi16(codes, 8);
}
inline Ints dot_part(Ints sum, Bytes codes, Bytes x) { return add(sum, (Ints)_mm256_madd_epi16(codes, x)); }
inline Ints dot_pairs(Ints sum, Bytes a, Bytes b) { return add(sum, (Ints)_mm256_madd_epi16(a, b)); }
inline Ints join_parts(Ints sum, Ints) { return sum; }
inline void add_parts(Ints* sum, Ints a) { *sum = add(*sum, a); }

}  // namespace leankv::LEANKV_ISA_NS

#include "backend/cpu/simd/pairs.h"  // in these verbs
