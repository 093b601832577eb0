// The rotation that spreads outliers over the channels of a head.
#pragma once

namespace leankv {

// Channels that one butterfly network mixes: the largest power of two that divides head_dim.
constexpr int hadamard_block(int head_dim) { return head_dim & -head_dim; }

// x [head_dim] becomes H x with the orthonormal Hadamard matrix (Sylvester's order) in each block. Butterflies of
// stride 1, 2, 4, ..., each (a + b, a - b), then one product with 1 / sqrt(block) rounded to f32: every machine gets
// the same bits. Its own inverse up to rounding.
void hadamard(float* x, int head_dim);

}  // namespace leankv
