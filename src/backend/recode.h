// Moves the tokens of a sequence to the lists that were chosen for them: rows re-encoded, holes filled, pages returned
// and taken for all heads of a layer at once.
#pragma once

#include <span>
#include <vector>

#include "backend/kv_cache.h"
#include "base/thread_pool.h"

namespace leankv {

struct RecodeJob {
  SlotId slot = 0;
  int keep_fresh = 0;                              // newest fresh tokens that are not judged
  TierId fresh_tier = TierId::kK16V16;             // of the fresh list afterwards
  std::vector<HeadThresholds> thresholds;          // [layers * kv_heads]
  int most_queries = kQueryUnit * kMaxQueryUnits;  // that the significance of a fresh token is the mean of
};

// A choice only ever lowers a token. Layer by layer: the emptied pages of all heads go back to the ring before new ones
// are taken, so the sequence never needs more than it had plus KvCache::reserve_pages(). REQUIRES cache.can_judge().
void recode(KvCache& cache, ThreadPool& threads, const RecodeJob& job);

}  // namespace leankv
