// The cache's part of the CUDA backend: kernels that append to pages and attend straight on them.
#pragma once

#include "backend/cache_ops.h"
#include "backend/cuda/device.h"
#include "backend/cuda/device_cache.h"
#include "backend/cuda/step_inputs.h"

namespace leankv {

// k, v, q and out lie in the memory of the device. Used with caches that have a keeper of this device.
class CudaCacheOps : public CacheOps {
 public:
  // most_tokens: that a sequence may come to. inputs: shared with the dense operations. Both outlive it.
  // utilisation: share of the device's memory that may be used.
  CudaCacheOps(Device& device, StepInputs& inputs, int most_tokens, double utilisation = 0.9)
      : device_(device), inputs_(inputs), most_tokens_(most_tokens), utilisation_(utilisation) {}

  std::unique_ptr<CacheKeeper> make_keeper() override { return std::make_unique<DeviceCache>(device_, most_tokens_); }
  std::optional<int64_t> pool_bytes(const CacheShape& shape, int slots) const override;
  std::optional<double> measure_copy_peak() override;
  void run_step(KvCache& cache, const Batch& batch, const std::function<void()>& forward) override;
  void append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) override;
  void attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) override;

 private:
  QueryHalves prepare(const DeviceCache& keeper, ConstMatrix q);
  void attend_kind(const DeviceCache& keeper, int layer, const QueryHalves& q, const PlanView& plan, bool prompt,
                   Matrix out);
  void observe(const DeviceCache& keeper, int layer, const QueryHalves& q);

  Device& device_;
  StepInputs& inputs_;
  int most_tokens_;
  double utilisation_;
  DeviceArray<uint16_t> high_, low_;          // queries of the step (attend_core.cuh)
  DeviceArray<float> query_sums_, log_sums_;  // of each query
};

}  // namespace leankv
