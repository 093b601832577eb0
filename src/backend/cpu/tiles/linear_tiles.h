// The quantised product of a linear layer in matrix tiles (tiles/README.md).
#pragma once

#include "backend/cpu/kernels/linear.h"

namespace leankv {

// As LinearKernels::multiply_quantised, with the bits of the kernels of AVX-512 VNNI.
namespace amx {
void multiply_in_tiles(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y);
}

inline LinearKernels in_tiles(LinearKernels kernels) {
  kernels.multiply_quantised = amx::multiply_in_tiles;
  return kernels;
}

}  // namespace leankv
