// The verbs in AVX-512 with VNNI.
#pragma once

#include "backend/cpu/simd/avx512_base.h"

namespace leankv::LEANKV_ISA_NS {

// vpdpbusd adds four u8 x s8 products to an int32 without saturation.
template <int kCodeBits>
inline Ints dot(Ints sum, Bytes codes, Bytes x) {
  return (Ints)_mm512_dpbusd_epi32(raw(sum), codes, x);
}

// A 16-bit number is its high and its low byte, each multiplied for itself.
inline constexpr int kPartSums = 2;
inline void store_parts(int8_t* high, int8_t* low, Ints a) {
  store_low_bytes(high, shift_right<8>(add(a, broadcast_int(128))));
  store_low_bytes(low, a);
}
template <int kPart>
inline Bytes part_of(Bytes codes) {
  return codes;
}
inline Ints dot_part(Ints sum, Bytes codes, Bytes x) { return dot<8>(sum, codes, x); }
inline Ints join_parts(Ints high, Ints low) { return add(shift_left<8>(high), low); }

}  // namespace leankv::LEANKV_ISA_NS
