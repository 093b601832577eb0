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

// Strides 1 and 2 of blocks of four channels, written so that compilers make vectors of it: half of the whole time
// else.
void butterflies_of_four(float* x, int n) {
  for (int i = 0; i < n; i += 4) {
    const float a = x[i] + x[i + 1], b = x[i] - x[i + 1], c = x[i + 2] + x[i + 3], d = x[i + 2] - x[i + 3];
    x[i] = a + c, x[i + 1] = b + d, x[i + 2] = a - c, x[i + 3] = b - d;
  }
}

}  // namespace

void hadamard(float* x, int head_dim) {
  const int block = hadamard_block(head_dim);
  int stride = 1;
  if (block >= 4) butterflies_of_four(x, head_dim), stride = 4;
  for (; stride < block; stride *= 2) butterflies(x, head_dim, stride);
  const float norm = 1.0f / std::sqrt(float(block));
  for (int i = 0; i < head_dim; ++i) x[i] *= norm;
}

}  // namespace leankv
