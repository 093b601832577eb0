// The numbers of a step that its dense calls take, in the memory of the device before anything of the step is queued.
#pragma once

#include "backend/batch.h"
#include "backend/cuda/device.h"

namespace leankv {

// Shared by the operations of one backend.
class StepInputs {
 public:
  explicit StepInputs(Device& device) : device_(device) {}

  void upload(const Batch& batch) {
    tokens_.reserve(device_, batch.tokens.size());
    positions_.reserve(device_, batch.positions.size());
    logit_rows_.reserve(device_, batch.logit_rows.size() + 1);
    device_.upload(tokens_.data(), batch.tokens.data(), batch.tokens.size() * sizeof(int));
    device_.upload(positions_.data(), batch.positions.data(), batch.positions.size() * sizeof(int));
    device_.upload(logit_rows_.data(), batch.logit_rows.data(), batch.logit_rows.size() * sizeof(int));
  }
  const int* tokens() const { return tokens_.data(); }
  const int* positions() const { return positions_.data(); }
  const int* logit_rows() const { return logit_rows_.data(); }

 private:
  Device& device_;
  DeviceArray<int> tokens_, positions_, logit_rows_;
};

}  // namespace leankv
