// The verbs in NEON with the dot products of ARMv8.2.
#pragma once

#include "backend/cpu/simd/neon_base.h"

namespace leankv::LEANKV_ISA_NS {

// sdot adds four s8 x s8 products to an int32. Codes of 8 bits are moved to around zero for it.
inline constexpr int kDotZero = 128;
template <int kCodeBits>
inline int8x16_t as_signed(uint8x16_t codes) {
  return vreinterpretq_s8_u8(kCodeBits == 8 ? codes ^ kDotZero : codes);
}
template <int kCodeBits>
inline Ints dot(Ints sum, Bytes codes, Bytes x) {
  return {vdotq_s32(sum.low, as_signed<kCodeBits>(codes.low), vreinterpretq_s8_u8(x.low)),
          vdotq_s32(sum.high, as_signed<kCodeBits>(codes.high), vreinterpretq_s8_u8(x.high))};
}

}  // namespace leankv::LEANKV_ISA_NS

#include "backend/cpu/simd/byte_parts.h"  // in these verbs
