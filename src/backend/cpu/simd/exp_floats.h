// exp(x) in the verbs: exp_lane (exp.h) for a whole vector, with the same roundings and therefore the same bits.
#pragma once

#include LEANKV_SIMD_HEADER

namespace leankv::LEANKV_ISA_NS {

// x is clamped to [-87, 88]; the derivation of the series and its error bound are in exp.h.
inline Floats exp_floats(Floats x) {
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;
  constexpr int32_t kRounderBits = 0x4b400000;
  const Floats log2_e = broadcast(1.44269504f), rounder = broadcast(12582912.0f);
  x = min(broadcast(88.0f), max(broadcast(-87.0f), x));
  const Floats shifted = add(mul(x, log2_e), rounder);
  const Floats n = sub(shifted, rounder);
  const Floats r = sub(sub(x, mul(n, broadcast(kLn2High))), mul(n, broadcast(kLn2Low)));
  Floats sum = broadcast(1.0f / 5040);
  for (const float term : {1.0f / 720, 1.0f / 120, 1.0f / 24, 1.0f / 6, 0.5f, 1.0f, 1.0f}) {
    sum = add(mul(sum, r), broadcast(term));
  }
  const Ints exponent = add(bits_of_floats(shifted), broadcast_int(127 - kRounderBits));
  return mul(sum, floats_of_bits(shift_left<23>(exponent)));
}

}  // namespace leankv::LEANKV_ISA_NS
