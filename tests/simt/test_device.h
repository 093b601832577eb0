// The device that a test of kernels runs on: the emulator, or, in the programs of the label `device`, a GPU.
#pragma once

#include <memory>

#include "backend/cuda/device.h"
#include "simt/emulator.h"

namespace leankv::simt {

// Null where there is no GPU: the test skips. order: of the threads, in the emulator.
std::unique_ptr<Device> test_device(Order order);

}  // namespace leankv::simt
