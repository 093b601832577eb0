// Kernels of attention.
#pragma once

#include "backend/cuda/attend_prompt.cuh"
#include "backend/cuda/kernel_list.h"
#include "backend/cuda/observe.cuh"

namespace leankv {

using MergeKernels = KernelList<CountSplitsKernel, QueryKernel<4>, QueryKernel<8>, QueryKernel<16>, MergeKernel<4>,
                                MergeKernel<8>, MergeKernel<16>>;
// Those whose every tier is a piece of code; the largest head sizes by themselves.
template <int kMost, bool kWide>
using AttendKernels =
    KernelList<AttendDecodeKernel<kMost, kWide>, AttendPromptKernel<kMost, kWide>, ObserveKernel<kMost, kWide>>;

}  // namespace leankv
