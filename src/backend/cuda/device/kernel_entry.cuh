// From a kernel's body to what the driver launches. Only nvcc reads this file.
#pragma once

#include <type_traits>

#include "backend/cuda/device.h"
#include "backend/cuda/device/cuda_block.cuh"
#include "backend/cuda/device/kernel_table.h"
#include "backend/cuda/kernel_list.h"

namespace leankv {

template <class Kernel>
__global__ void __launch_bounds__(Kernel::kThreads, 1)
    run_kernel(const __grid_constant__ typename Kernel::Params params) {
  CudaBlock block;
  Kernel::run(block, params);
}

// What a launch may ask for without more ado.
inline constexpr std::size_t kMostSharedBytes = 48 << 10;

template <class... Kernels>
void add_kernels(KernelTable& table, KernelList<Kernels...>) {
  static_assert(((sizeof(typename Kernels::Shared) <= kMostSharedBytes) && ...));
  ((table[&kernel_tag<Kernels>] = {reinterpret_cast<const void*>(&run_kernel<Kernels>), Kernels::kThreads,
                                   std::is_empty_v<typename Kernels::Shared> ? 0 : sizeof(typename Kernels::Shared)}),
   ...);
}

}  // namespace leankv
