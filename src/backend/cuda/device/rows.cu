#include "backend/cuda/attend_kernels.h"
#include "backend/cuda/cache_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_row_kernels(KernelTable& table) {
  add_kernels(table, AppendKernels());
  add_kernels(table, MergeKernels());
}

}  // namespace leankv
