#include "backend/cuda/attend_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_attend_kernels_64(KernelTable& table) { add_kernels(table, AttendKernels<4, true>()); }

}  // namespace leankv
