// From what a prompt showed to what the choice needs: significance per token, curve and constants per head.
#pragma once

#include <span>

#include "backend/kv_cache.h"
#include "base/thread_pool.h"

namespace leankv {

// Turns the gathered sums of a sequence into stored significance and, for the forecast policy, into each head's curve
// and constants. What was gathered is reset; the next tokens are gathered anew (kContinue) or no longer (kEnd).
// output_energy [layers * kv_heads]: tr(W_o,g W_o,g^T) / head_dim, averaged over the group (docs/compression.md).
// REQUIRES state.gathering() and state.tokens == state.judge_at.
enum class Gathering { kContinue, kEnd };
void settle_statistics(KvCache& cache, ThreadPool& threads, SlotId slot, std::span<const double> output_energy,
                       Gathering next);

}  // namespace leankv
