// A backend: dense arithmetic and cache arithmetic of one kind of machine.
#pragma once

#include <memory>

#include "backend/cache_ops.h"
#include "backend/dense_ops.h"
#include "base/thread_pool.h"

namespace leankv {

// Owner of its parts. threads also runs the host's share of the work (judgement, sampling).
struct Backend {
  std::unique_ptr<ThreadPool> threads;
  std::unique_ptr<DenseOps> dense;
  std::unique_ptr<CacheOps> cache;
};

}  // namespace leankv
