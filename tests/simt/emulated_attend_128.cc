#include "backend/cuda/attend_kernels.h"
#include "simt/emulated_kernel_entry.h"

namespace leankv::simt {

void add_attend_kernels_128(EmulatedKernels& kernels) {
  add_kernels(kernels, AttendKernels<8, true>());
  add_kernels(kernels, AttendKernels<8, false>());
}

}  // namespace leankv::simt
