#include "backend/cuda/cache_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_page_kernels(KernelTable& table) {
  add_kernels(table, PageKernels());
  add_kernels(table, RecodeKernels());
}

}  // namespace leankv
