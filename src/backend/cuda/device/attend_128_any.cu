#include "backend/cuda/attend_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_attend_kernels_128_any(KernelTable& table) { add_kernels(table, AttendKernels<8, false>()); }

}  // namespace leankv
