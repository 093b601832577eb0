// Kernels of pages, judgements and new rows.
#pragma once

#include "backend/cuda/append.cuh"
#include "backend/cuda/choice.cuh"
#include "backend/cuda/gather.cuh"
#include "backend/cuda/kernel_list.h"
#include "backend/cuda/pages.cuh"
#include "backend/cuda/recode.cuh"
#include "backend/cuda/settle.cuh"

namespace leankv {

using PageKernels = KernelList<ExtendKernel, ClearSlotKernel, CountPagesKernel, ReleaseKernel, CopySlotKernel,
                               MarkPagesKernel, CheckPagesKernel>;
using RecodeKernels =
    KernelList<PlanMovesKernel, StageKernel, PlaceKernel<4>, PlaceKernel<8>, PlaceKernel<16>, AddTotalsKernel>;
using JudgementKernels =
    KernelList<SettleKernel, CurveKernel, ConstantsKernel<4>, ConstantsKernel<8>, ConstantsKernel<16>,
               CountLevelsKernel, SolveKernel, GatherValuesKernel, GatherOutputsKernel, GatherResidualKernel>;
using AppendKernels = KernelList<MeanKeyKernel, AppendKernel<4>, AppendKernel<8>, AppendKernel<16>>;

}  // namespace leankv
