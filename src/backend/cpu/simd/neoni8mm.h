// The verbs in NEON with the mixed products of ARMv8.6.
#pragma once

#include "backend/cpu/simd/neon_base.h"

namespace leankv::LEANKV_ISA_NS {

// usdot adds four u8 x s8 products to an int32.
inline constexpr int kDotZero = 0;
template <int kCodeBits>
inline Ints dot(Ints sum, Bytes codes, Bytes x) {
  return {vusdotq_s32(sum.low, codes.low, vreinterpretq_s8_u8(x.low)),
          vusdotq_s32(sum.high, codes.high, vreinterpretq_s8_u8(x.high))};
}

}  // namespace leankv::LEANKV_ISA_NS

#include "backend/cpu/simd/byte_parts.h"  // in these verbs
