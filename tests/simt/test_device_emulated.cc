#include "simt/emulated_device.h"
#include "simt/test_device.h"

namespace leankv::simt {

std::unique_ptr<Device> test_device(Order order) { return std::make_unique<EmulatedDevice>(order); }

}  // namespace leankv::simt
