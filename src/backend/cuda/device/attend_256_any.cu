#include "backend/cuda/attend_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_attend_kernels_256_any(KernelTable& table) { add_kernels(table, AttendKernels<16, false>()); }

}  // namespace leankv
