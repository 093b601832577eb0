// Where a device keeps the pages and tables of a KvCache, so that judgements and attention need not wait for the host.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>

#include "backend/batch.h"
#include "base/matrix_view.h"
#include "kv/page_ref.h"

namespace leankv {

class KvCache;
struct JudgementRequest;

// Owned by one KvCache, which keeps the counts (free pages, tokens of a sequence) and passes everything else on; what
// SequenceState says of heads, memory, statistics and lambda is only brought by fetch(). Used from the cache's thread.
class CacheKeeper {
 public:
  virtual ~CacheKeeper() = default;
  // Once, at the end of the cache's constructor: memory for so many pages and slots. Throws kDoesNotFit.
  virtual void open(KvCache& cache, uint32_t pages, int slots) = 0;
  virtual std::byte* pool() = 0;  // [pages, page_bytes] in the device's memory

  virtual void admit(SlotId slot) = 0;  // after its state was set
  virtual void copy(SlotId from, SlotId to) = 0;
  virtual void release(SlotId slot) = 0;
  // For the cache's next step; the states do not count the new tokens yet.
  virtual void extend(std::span<const BatchEntry> entries) = 0;
  virtual uint32_t pages_of(SlotId slot) const = 0;

  // Judgements and reviews are queued: which pages they took and gave is told when somebody asks. Until then so many
  // more than the ring knows of may be taken.
  virtual uint32_t late_pages() const = 0;
  virtual void learn_totals() = 0;  // waits where something is late, and notes it in the ring

  // As backend/judgement.h and backend/observation.h have them.
  virtual void judge(const JudgementRequest& request) = 0;
  virtual void review(SlotId slot, int64_t limit_bytes) = 0;
  virtual void gather_residual(const Batch& batch, int layer, ConstMatrix x) = 0;

  virtual void fetch(SlotId slot) = 0;  // tables, constants and statistics into the cache's SequenceState
  // The other way round, of a sequence whose pages, the ring's first ones, the host took in a cache that held nothing
  // else; write() puts their bytes there.
  virtual void adopt(SlotId slot) = 0;
  virtual void write(PageId id, std::span<const std::byte> page) = 0;
  virtual void check_integrity() = 0;  // stops the process where an invariant is broken
};

}  // namespace leankv
