// Where observed attention goes: into the sums of a prompt that is being gathered, or into the stored significance of
// tokens in decode. Tokens of a head are numbered judged lists first, then the fresh ones (HeadTable::judged_tokens).
#pragma once

#include <array>
#include <span>
#include <vector>

#include "backend/kv_cache.h"
#include "base/matrix_view.h"
#include "kv/significance.h"

namespace leankv {

inline constexpr int kNotObserved = -1;

// The window of the query at this position of this sequence (kv/seen_windows.h), or kNotObserved.
int observation_of(const SequenceState& sequence, int position);

// What one head saw in one step: sums over the observing queries of this step, by window and token number.
struct Observation {
  std::array<std::vector<float>, kWindows> seen;  // [tokens of the head], empty where nothing was seen
};

// Adds a step's sums, which may come in several parts. REQUIRES called once per (entry, layer, head), after the
// attention of the entry.
// update: a kernel with the bytes of kv/significance.h's.
void record(KvCache& cache, const BatchEntry& entry, int layer, int head, std::span<const Observation> parts,
            UpdateSignificances update = update_significances);

// Sums of the attention outputs and queries of the recent rows, for the constants of a head.
// q, out: this head's columns, [entry.rows, group * head_dim], out as the model sees it, q not scaled.
void gather_outputs(KvCache& cache, const BatchEntry& entry, int layer, int head, ConstMatrix q, ConstMatrix out);

// Sums ||x||^2 of the recent rows of the residual stream that enters a layer. x [rows of the batch, hidden].
void gather_residual(KvCache& cache, const Batch& batch, int layer, ConstMatrix x);

}  // namespace leankv
