// The verbs in AVX-512 without VNNI.
#pragma once

#include "backend/cpu/simd/avx512_base.h"

namespace leankv::LEANKV_ISA_NS {

// As in avx2.h: maddubs is exact for 4-bit codes, 8-bit codes are widened to 16 bits first.
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

}  // namespace leankv::LEANKV_ISA_NS
