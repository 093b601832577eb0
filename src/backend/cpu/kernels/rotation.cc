#include "backend/cpu/kernels/rotation.h"

#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/unrolled.h"
#include "kv/codec.h"
#include "kv/hadamard.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

inline Floats butterflies(Floats a) {
  a = butterfly<2>(butterfly<1>(a));
  if constexpr (kLanes >= 8) a = butterfly<4>(a);
  if constexpr (kLanes >= 16) a = butterfly<8>(a);
  return a;
}

// Strides of whole vectors, from kStride on.
template <int kStride, int kVectors>
inline void vector_butterflies(Floats (&v)[kVectors]) {
  if constexpr (kStride < kVectors) {
    unrolled<kVectors / 2>([&](auto pair) {
      constexpr int kFirst = pair / kStride * 2 * kStride + pair % kStride;
      const Floats a = v[kFirst], b = v[kFirst + kStride];
      v[kFirst] = add(a, b), v[kFirst + kStride] = sub(a, b);
    });
    vector_butterflies<2 * kStride>(v);
  }
}

// A block of so many vectors, in registers from the first load to the last store.
template <int kVectors>
inline void rotate_block(float* x, Floats norm) {
  Floats v[kVectors];
  unrolled<kVectors>([&](auto i) { v[i] = butterflies(load(x + i * kLanes)); });
  vector_butterflies<1>(v);
  unrolled<kVectors>([&](auto i) { store(x + i * kLanes, mul(v[i], norm)); });
}

// Of a block of at least kVectors vectors, twice as many at a time until they are all.
template <int kVectors>
inline void rotate_block_of(float* x, int block, Floats norm) {
  if constexpr (kVectors * kLanes < kMaxHeadDim) {
    if (block > kVectors * kLanes) return rotate_block_of<2 * kVectors>(x, block, norm);
  }
  rotate_block<kVectors>(x, norm);
}

}  // namespace

[[gnu::flatten]] void rotate(float* x, int head_dim) {
  const int block = hadamard_block(head_dim);
  const Floats norm = broadcast(1.0f / __builtin_sqrtf(float(block)));
  for (int first = 0; first < head_dim; first += block) rotate_block_of<1>(x + first, block, norm);
}

}  // namespace leankv::LEANKV_ISA_NS
