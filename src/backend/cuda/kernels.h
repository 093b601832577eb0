// Every kernel of the backend: what a Device can launch.
#pragma once

#include "backend/cuda/choice.cuh"
#include "backend/cuda/gather.cuh"
#include "backend/cuda/pages.cuh"
#include "backend/cuda/recode.cuh"
#include "backend/cuda/settle.cuh"

namespace leankv {

template <class... Kernels>
struct KernelList {};

using PageKernels = KernelList<ExtendKernel, ClearSlotKernel, CountPagesKernel, ReleaseKernel, CopySlotKernel,
                               MarkPagesKernel, CheckPagesKernel>;
using RecodeKernels = KernelList<PlanMovesKernel, StageKernel, PlaceKernel<4>, PlaceKernel<8>, PlaceKernel<16>>;
using JudgementKernels =
    KernelList<SettleKernel, CurveKernel, ConstantsKernel<4>, ConstantsKernel<8>, ConstantsKernel<16>,
               CountLevelsKernel, SolveKernel, GatherValuesKernel, GatherOutputsKernel, GatherResidualKernel>;

}  // namespace leankv
