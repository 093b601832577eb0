#include "backend/cuda/attend_kernels.h"
#include "simt/emulated_kernel_entry.h"

namespace leankv::simt {

void add_attend_kernels_64(EmulatedKernels& kernels) {
  add_kernels(kernels, AttendKernels<4, true>());
  add_kernels(kernels, AttendKernels<4, false>());
}

}  // namespace leankv::simt
