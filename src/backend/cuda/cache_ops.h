// The cache's part of the CUDA backend: kernels that append to pages and attend straight on them.
#pragma once

#include "backend/cache_ops.h"
#include "backend/cuda/device.h"
#include "backend/cuda/device_cache.h"

namespace leankv {

// k, v, q and out lie in the memory of the device. Used with caches that have a keeper of this device.
class CudaCacheOps : public CacheOps {
 public:
  // most_tokens: that a sequence may come to. The device must outlive it.
  CudaCacheOps(Device& device, int most_tokens) : device_(device), most_tokens_(most_tokens) {}

  std::unique_ptr<CacheKeeper> make_keeper() override { return std::make_unique<DeviceCache>(device_, most_tokens_); }
  void append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) override;
  void attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) override;

 private:
  QueryHalves prepare(const DeviceCache& keeper, ConstMatrix q);
  void attend_kind(const DeviceCache& keeper, int layer, const QueryHalves& q, const PlanView& plan, bool prompt,
                   Matrix out);
  void observe(const DeviceCache& keeper, int layer, const QueryHalves& q);

  Device& device_;
  int most_tokens_;
  DeviceArray<uint16_t> high_, low_;          // queries of the step (attend_core.cuh)
  DeviceArray<float> query_sums_, log_sums_;  // of each query
};

}  // namespace leankv
