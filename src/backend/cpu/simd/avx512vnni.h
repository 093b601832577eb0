// The verbs in AVX-512 with VNNI.
#pragma once

#include "backend/cpu/simd/avx512_base.h"

namespace leankv::LEANKV_ISA_NS {

// vpdpbusd adds four u8 x s8 products to an int32 without saturation.
inline constexpr int kDotZero = 0;
template <int kCodeBits>
inline Ints dot(Ints sum, Bytes codes, Bytes x) {
  return (Ints)_mm512_dpbusd_epi32(raw(sum), codes, x);
}
inline Ints dot_pairs(Ints sum, Bytes a, Bytes b) { return (Ints)_mm512_dpwssd_epi32(raw(sum), a, b); }

}  // namespace leankv::LEANKV_ISA_NS

#include "backend/cpu/simd/byte_parts.h"  // in these verbs
#include "backend/cpu/simd/pairs.h"
