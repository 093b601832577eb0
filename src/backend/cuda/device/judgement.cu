#include "backend/cuda/cache_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_judgement_kernels(KernelTable& table) { add_kernels(table, JudgementKernels()); }

}  // namespace leankv
