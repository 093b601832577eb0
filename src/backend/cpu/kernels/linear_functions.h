// The functions behind one instruction set's LinearKernels; only for files of this folder.
#pragma once

#include "backend/cpu/kernels/linear.h"

namespace leankv::LEANKV_ISA_NS {

void quantise_row(const float* x, int blocks, int halves, int8_t* codes, ActivationBlock* stats);
void multiply_quantised(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y);
void multiply_float(const TiledWeights& weights, ConstMatrix x, TileRange range, Matrix y);

}  // namespace leankv::LEANKV_ISA_NS
