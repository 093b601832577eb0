// What each backend does with the pages of the cache inside a forward pass.
#pragma once

#include <functional>
#include <memory>

#include "backend/batch.h"
#include "backend/kv_cache.h"
#include "base/matrix_view.h"
#include "base/phase_timer.h"

namespace leankv {

// An entry's rows of a matrix of the step, [entry.rows, columns] from column `first` on.
inline ConstMatrix columns_of(ConstMatrix x, const BatchEntry& entry, int first, int columns) {
  return {x.row(entry.first_row) + first, entry.rows, columns, x.stride};
}

// append and attend follow KvCache::extend for the same batch, so the new tokens are the last fresh ones of each entry.
class CacheOps {
 public:
  virtual ~CacheOps() = default;
  // What a cache that is used with these operations keeps its pages and tables with; none: the host's memory.
  virtual std::unique_ptr<CacheKeeper> make_keeper() { return nullptr; }

  // What a cache that is used with these operations encodes rows with on the host.
  virtual const RowCodec& row_codec() const { return kScalarRowCodec; }

  // Bytes for the pool of a cache on a device of its own, when nobody says; none: the host's memory is to be shared.
  virtual std::optional<int64_t> pool_bytes(const CacheShape&, int /*slots*/) const { return std::nullopt; }
  // Bytes per second that a device of its own moves when it copies, reads and writes together; none: the host's memory.
  virtual std::optional<double> measure_copy_peak() { return std::nullopt; }
  // Calls forward, which computes the step that the cache was extended by. A device may record what that queues, and
  // play it back for a later step of the same shape in its place.
  virtual void run_step(KvCache&, const Batch&, const std::function<void()>& forward) { forward(); }
  // Stores keys and values of one layer as the last fresh tokens and gathers their statistics.
  // k, v [rows, kv_heads * head_dim], RoPE applied.
  virtual void append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) = 0;

  // Causal attention of the batch's queries over all that their sequences hold, the new tokens included, straight on
  // the stored pages; observes significance on the way.
  // q [rows, kv_heads * group * head_dim], RoPE applied, not scaled; out the same shape.
  virtual void attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) = 0;

  // Adds to the timer what no caller sees from outside: Phase::kObservation. nullptr: no longer.
  virtual void time_phases(PhaseTimer*) {}
};

}  // namespace leankv
