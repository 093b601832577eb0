// In a program that was built without CUDA.
#include "backend/cuda/make_backend.h"
#include "base/error.h"

namespace leankv {

std::unique_ptr<Device> open_cuda_device(DeviceMemory) {
  throw Error(ErrorKind::kUnsupported,
              "--device cuda: this program was built without CUDA; configure it with cmake --preset cuda");
}

}  // namespace leankv
