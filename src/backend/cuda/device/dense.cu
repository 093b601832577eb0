#include "backend/cuda/dense_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_dense_kernels(KernelTable& table) { add_kernels(table, DenseKernels()); }

}  // namespace leankv
