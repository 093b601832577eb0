// The cache's part of the CPU backend: splits heads, blocks and segments over the threads.
#pragma once

#include "backend/cache_ops.h"
#include "backend/cpu/attention_row.h"
#include "base/isa.h"
#include "base/thread_pool.h"

namespace leankv {

class CpuCacheOps : public CacheOps {
 public:
  CpuCacheOps(ThreadPool& pool, Isa isa);
  void append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) override;
  void attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) override;
  const RowCodec& row_codec() const override { return row_codec_; }
  void time_phases(PhaseTimer* timer) override { phases_ = timer; }

 private:
  void attend_blocks(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out);
  void attend_rows(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out);

  ThreadPool& pool_;
  PhaseTimer* phases_ = nullptr;
  const AttentionKernels& kernels_;
  const RowCodec& row_codec_;
  std::vector<std::vector<float>> scratch_;  // [threads]
  std::vector<AttentionBlock> blocks_;       // [threads]
  std::vector<AttentionRow> rows_;           // [entries of one row, heads]
};

}  // namespace leankv
