#include "kv/hadamard.h"

#include <cmath>

namespace leankv {
namespace {

void butterflies(float* x, int n, int stride) {
  for (int first = 0; first < n; first += 2 * stride) {
    for (int i = first; i < first + stride; ++i) {
      const float a = x[i];
      const float b = x[i + stride];
      x[i] = a + b;
      x[i + stride] = a - b;
    }
  }
}

}  // namespace

void hadamard(float* x, int head_dim) {
  const int block = hadamard_block(head_dim);
  for (int stride = 1; stride < block; stride *= 2) butterflies(x, head_dim, stride);
  const float norm = 1.0f / std::sqrt(float(block));
  for (int i = 0; i < head_dim; ++i) x[i] *= norm;
}

}  // namespace leankv
