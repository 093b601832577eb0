#include "backend/cuda/make_backend.h"
#include "base/error.h"
#include "simt/test_device.h"

namespace leankv::simt {

std::unique_ptr<Device> test_device(Order) {
  try {
    return open_cuda_device(DeviceMemory::kShared);
  } catch (const Error&) {
    return nullptr;
  }
}

}  // namespace leankv::simt
