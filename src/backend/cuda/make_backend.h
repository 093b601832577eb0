// The CUDA backend, put together.
#pragma once

#include "backend/backend.h"
#include "backend/cuda/device.h"

namespace leankv {

enum class DeviceMemory {
  kOwn,     // the device's alone
  kShared,  // that the host may touch while nothing is queued, too: tests compare it
};
// The first GPU, in a program that was built with CUDA (device/), which else has another definition of this
// (no_device.cc). Throws kUnsupported where there is none.
std::unique_ptr<Device> open_cuda_device(DeviceMemory memory = DeviceMemory::kOwn);

// Operations on a device, which they own. most_tokens: that a sequence may come to; utilisation: share of the device's
// memory that is used, the pool being what weights and tables leave of it.
void fill_with_device(Backend& backend, std::unique_ptr<Device> device, int most_tokens, double utilisation);

}  // namespace leankv
