#include "backend/cpu/kernels/rotation.h"

#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/unrolled.h"
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

inline void rotate_in_memory(float* x, int block, Floats norm) {
  for (int c = 0; c < block; c += kLanes) store(x + c, butterflies(load(x + c)));
  for (int stride = kLanes; stride < block; stride *= 2) {
    for (int first = 0; first < block; first += 2 * stride) {
      for (int c = first; c < first + stride; c += kLanes) {
        const Floats a = load(x + c), b = load(x + c + stride);
        store(x + c, add(a, b)), store(x + c + stride, sub(a, b));
      }
    }
  }
  for (int c = 0; c < block; c += kLanes) store(x + c, mul(load(x + c), norm));
}

}  // namespace

[[gnu::flatten]] void rotate(float* x, int head_dim) {
  const int block = hadamard_block(head_dim);
  const Floats norm = broadcast(1.0f / __builtin_sqrtf(float(block)));
  for (int first = 0; first < head_dim; first += block, x += block) {
    switch (block / kLanes) {
      case 1:
        rotate_block<1>(x, norm);
        break;
      case 2:
        rotate_block<2>(x, norm);
        break;
      case 4:
        rotate_block<4>(x, norm);
        break;
      case 8:
        rotate_block<8>(x, norm);
        break;
      default:
        rotate_in_memory(x, block, norm);
    }
  }
}

}  // namespace leankv::LEANKV_ISA_NS
