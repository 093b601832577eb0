// The cache's part of the reference backend: one query after the other, in double precision, row by row.
#pragma once

#include "backend/cache_ops.h"

namespace leankv {

class ReferenceCacheOps : public CacheOps {
 public:
  void append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) override;
  void attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) override;
};

}  // namespace leankv
