// The rotation that spreads outliers over the channels of a head.
#pragma once

#include <cstdint>

namespace leankv {

// x [head_dim] becomes H x with the orthonormal Hadamard matrix, in blocks of the largest power of two that divides
// head_dim. Butterflies in one written order, so every machine gets the same bits. Its own inverse.
void hadamard(float* x, int head_dim);

}  // namespace leankv
