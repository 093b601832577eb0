// exp(x) in the verbs.
#pragma once

#include LEANKV_SIMD_HEADER

namespace leankv::LEANKV_ISA_NS {

// 2^y for y <= 0 or NaN; below -149 it is 0, where a verb takes subnormal numbers for 0 below -126. 2^y = 2^n 2^r, |r|
// <= 1/2, 2^r by a polynomial of degree 5 that is 1 at 0 and has the least relative error, 1.9 units of 2^-24
// (reweighted least squares on 4001 Chebyshev points); the roundings of Horner's rule are below 2 more. Fused where the
// verbs are, so instruction sets differ in the last bits.
inline Floats exp2_floats(Floats y) {
  y = max(broadcast(-200.0f), y);
  const Floats n = nearest(y), r = sub(y, n);
  Floats sum = broadcast(0.00132647261f);
  for (const float term : {0.00967151299f, 0.0555073358f, 0.240222424f, 0.693147004f, 1.0f}) {
    sum = fma(sum, r, broadcast(term));
  }
  return times_power(sum, n);
}

inline constexpr float kLog2E = 1.44269504f;

// x <= 0 or NaN. x log2 e is off by 1.25 units of itself.
inline Floats exp_floats(Floats x) { return exp2_floats(mul(x, broadcast(kLog2E))); }

}  // namespace leankv::LEANKV_ISA_NS
