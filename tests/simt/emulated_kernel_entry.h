// From a kernel's body to what the emulated device launches.
#pragma once

#include "backend/cuda/device.h"
#include "backend/cuda/kernel_list.h"
#include "simt/emulated_block.h"
#include "simt/emulated_kernels.h"

namespace leankv::simt {

template <class Block = EmulatedBlock, class... Kernels>
void add_kernels(EmulatedKernels& kernels, KernelList<Kernels...>) {
  ((kernels[&kernel_tag<Kernels>] =
        [](Grid grid, const void* params, Order order, uint32_t seed) {
          run_grid<Kernels, Block>(grid, *static_cast<const typename Kernels::Params*>(params), order, seed);
        }),
   ...);
}

}  // namespace leankv::simt
