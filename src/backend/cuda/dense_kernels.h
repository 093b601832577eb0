// Kernels of the dense arithmetic.
#pragma once

#include "backend/cuda/dense.cuh"
#include "backend/cuda/dense_rows.cuh"
#include "backend/cuda/draw.cuh"
#include "backend/cuda/kernel_list.h"

namespace leankv {

using DenseKernels =
    KernelList<HalvesKernel, PrepareRowsKernel, LinearKernel<WeightCodes::k4>, LinearKernel<WeightCodes::k8>,
               LinearKernel<WeightCodes::kHalf>, ScaleProductKernel, NormKernel, RopeKernel, AnglesKernel, GateKernel,
               AddKernel, KeepRowsKernel, EmbedKernel, DrawKernel>;

}  // namespace leankv
