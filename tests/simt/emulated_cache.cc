#include "backend/cuda/attend_kernels.h"
#include "backend/cuda/cache_kernels.h"
#include "simt/emulated_kernel_entry.h"

namespace leankv::simt {

void add_cache_kernels(EmulatedKernels& kernels) {
  add_kernels(kernels, PageKernels());
  add_kernels(kernels, RecodeKernels());
  add_kernels(kernels, JudgementKernels());
  add_kernels(kernels, AppendKernels());
  add_kernels(kernels, MergeKernels());
}

}  // namespace leankv::simt
