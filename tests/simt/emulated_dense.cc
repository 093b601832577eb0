#include "backend/cuda/dense_kernels.h"
#include "simt/emulated_kernel_entry.h"

namespace leankv::simt {

void add_dense_kernels(EmulatedKernels& kernels) { add_kernels(kernels, DenseKernels()); }

}  // namespace leankv::simt
