#include "backend/cuda/make_backend.h"

#include "backend/cuda/cache_ops.h"
#include "backend/cuda/dense_ops.h"

namespace leankv {
namespace {

struct OwnDevice {
  explicit OwnDevice(std::unique_ptr<Device> d) : device(std::move(d)), inputs(*device) {}
  std::unique_ptr<Device> device;
  StepInputs inputs;
};

// The dense operations live longest: they own the device.
class OwningDenseOps : private OwnDevice, public CudaDenseOps {
 public:
  explicit OwningDenseOps(std::unique_ptr<Device> d) : OwnDevice(std::move(d)), CudaDenseOps(*device, inputs) {}
  using OwnDevice::device;
  using OwnDevice::inputs;
};

}  // namespace

void fill_with_device(Backend& backend, std::unique_ptr<Device> device, int most_tokens, double utilisation) {
  auto dense = std::make_unique<OwningDenseOps>(std::move(device));
  backend.cache = std::make_unique<CudaCacheOps>(*dense->device, dense->inputs, most_tokens, utilisation);
  backend.dense = std::move(dense);
}

}  // namespace leankv
