// Stores the new rows of one head: mean key, transform, encode, write. The same for every backend on the host.
#pragma once

#include "backend/kv_cache.h"
#include "base/matrix_view.h"

namespace leankv {

// k, v: this head's columns, [entry.rows, head_dim], raw (RoPE applied). Writes only this head's pages and state, so
// heads may run in parallel. REQUIRES the cache was extended by the entry.
void append_head(KvCache& cache, const BatchEntry& entry, int layer, int head, ConstMatrix k, ConstMatrix v);

}  // namespace leankv
