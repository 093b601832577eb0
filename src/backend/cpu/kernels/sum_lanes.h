// Sums and maxima over a row in kSumLanes lanes, channel c in lane c % kSumLanes: the order that codecs are specified
// in (kv/quantise.h), however wide a vector is.
#pragma once

#include LEANKV_SIMD_HEADER
#include "kv/quantise.h"

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kVectorsOfLanes = kSumLanes / kLanes;

// Lane l is lane l % kLanes of vector l / kLanes.
struct Lanes {
  Floats vector[kVectorsOfLanes];
};

template <class F>
inline Lanes each_vector(F f) {
  Lanes out;
  for (int v = 0; v < kVectorsOfLanes; ++v) out.vector[v] = f(v);
  return out;
}

inline Lanes load_lanes(const float* x) {
  return each_vector([=](int v) { return load(x + v * kLanes); });
}
inline void store_lanes(float* x, const Lanes& a) {
  for (int v = 0; v < kVectorsOfLanes; ++v) store(x + v * kLanes, a.vector[v]);
}
inline Lanes all_lanes(float x) {
  return each_vector([=](int) { return broadcast(x); });
}

inline Floats magnitudes(Floats x) { return floats_of_bits(bit_and(bits_of_floats(x), 0x7fffffff)); }

// join(a, b) of lanes that are half of all apart, until a vector is left.
template <class Join>
inline Floats fold(Lanes a, Join join) {
  for (int half = kVectorsOfLanes / 2; half > 0; half /= 2) {
    for (int v = 0; v < half; ++v) a.vector[v] = join(a.vector[v], a.vector[v + half]);
  }
  return a.vector[0];
}
inline float sum_of(const Lanes& a) {
  return sum_lanes(fold(a, [](Floats x, Floats y) { return add(x, y); }));
}
inline float largest_of(const Lanes& a) {
  return max_lanes(fold(a, [](Floats x, Floats y) { return max(y, x); }));
}

}  // namespace leankv::LEANKV_ISA_NS
