// What the emulated device can launch: kernels by the address of their tag (backend/cuda/device.h).
#pragma once

#include <cstdint>
#include <map>

#include "simt/emulator.h"

namespace leankv::simt {

using EmulatedKernel = void (*)(Grid grid, const void* params, Order order, uint32_t seed);
using EmulatedKernels = std::map<const char*, EmulatedKernel>;

// One per file of kernels, so that they compile side by side.
void add_cache_kernels(EmulatedKernels& kernels);
void add_dense_kernels(EmulatedKernels& kernels);
void add_attend_kernels_64(EmulatedKernels& kernels);
void add_attend_kernels_128(EmulatedKernels& kernels);
void add_attend_kernels_256(EmulatedKernels& kernels);

}  // namespace leankv::simt
