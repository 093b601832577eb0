#include "backend/cuda/attend_kernels.h"
#include "backend/cuda/device/kernel_entry.cuh"

namespace leankv {

void add_attend_kernels_256(KernelTable& table) { add_kernels(table, AttendKernels<16, true>()); }

}  // namespace leankv
