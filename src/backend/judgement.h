// Decides what a sequence keeps, and at which precision: at the end of a prompt, on the way when memory demands it,
// and in decode every review_interval tokens (docs/compression.md).
#pragma once

#include <cstdint>
#include <limits>
#include <span>

#include "backend/kv_cache.h"
#include "backend/statistics.h"
#include "base/thread_pool.h"

namespace leankv {

inline constexpr int64_t kNoLimit = std::numeric_limits<int64_t>::max();

struct JudgementRequest {
  SlotId slot = 0;
  std::span<const double> output_energy;  // as for settle_statistics
  int64_t limit_bytes = kNoLimit;         // pages of the sequence afterwards, whatever the policy's own target
  Gathering next = Gathering::kEnd;       // kContinue: early judgement, the prompt goes on
};

// The tokens after which a sequence with this prompt is judged first: the end of the prompt, or where there is enough
// to learn from.
int first_judgement(const Policy& policy, int prompt_tokens);
// The bytes that a sequence may hold after a choice.
int64_t target_bytes(const KvCache& cache, const SequenceState& sequence, int64_t limit_bytes);
// The fewest tokens that can be judged at all.
int least_judgeable(const Policy& policy);

// Judges a gathering sequence at state.judge_at. For a uniform policy: converts every token to the one tier.
void judge(KvCache& cache, ThreadPool& threads, const JudgementRequest& request);

// Whether a review is due, and the review: judges the tokens that enough queries have seen, lowers others.
bool review_due(const SequenceState& sequence);
void review(KvCache& cache, ThreadPool& threads, SlotId slot, int64_t limit_bytes);

}  // namespace leankv
