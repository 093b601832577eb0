// Every kernel of the backend: what a Device can launch.
#pragma once

#include "backend/cuda/append.cuh"
#include "backend/cuda/attend_prompt.cuh"
#include "backend/cuda/choice.cuh"
#include "backend/cuda/dense.cuh"
#include "backend/cuda/gather.cuh"
#include "backend/cuda/observe.cuh"
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

using AppendKernels = KernelList<MeanKeyKernel, AppendKernel<4>, AppendKernel<8>, AppendKernel<16>>;
using MergeKernels = KernelList<CountSplitsKernel, QueryKernel<4>, QueryKernel<8>, QueryKernel<16>, MergeKernel<4>,
                                MergeKernel<8>, MergeKernel<16>>;
using DenseKernels =
    KernelList<HalvesKernel, PrepareRowsKernel, LinearKernel<WeightCodes::k4>, LinearKernel<WeightCodes::k8>,
               LinearKernel<WeightCodes::kHalf>, ScaleProductKernel, NormKernel, RopeKernel, AnglesKernel, GateKernel,
               AddKernel, KeepRowsKernel, EmbedKernel>;
// Those whose every tier is a piece of code; the largest head sizes by themselves.
template <int kMost, bool kWide>
using AttendKernels =
    KernelList<AttendDecodeKernel<kMost, kWide>, AttendPromptKernel<kMost, kWide>, ObserveKernel<kMost, kWide>>;

}  // namespace leankv
