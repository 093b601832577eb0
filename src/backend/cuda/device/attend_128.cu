#include "backend/cuda/attend_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_attend_kernels_128(KernelTable& table) { add_kernels(table, AttendKernels<8, true>()); }

}  // namespace leankv
