// DeviceCache: tokens move to the lists that thresholds choose for them.
#include <algorithm>

#include "backend/cuda/device_cache.h"
#include "backend/cuda/head_size.h"
#include "backend/cuda/recode.cuh"

namespace leankv {

void DeviceCache::carve_scratch(Carve& memory, int tokens, int heads) {
  const std::size_t n = std::size_t(tokens) * std::size_t(heads), demands = std::size_t(heads) + 1;
  scratch_.tokens = tokens;
  scratch_.to = memory.take<uint8_t>(n);
  for (uint32_t** array : {&scratch_.order, &scratch_.staged, &scratch_.place, &scratch_.source_of, &scratch_.holes,
                           &scratch_.movers, &scratch_.opened}) {
    *array = memory.take<uint32_t>(n);
  }
  scratch_.moves = memory.take<HeadMoves>(std::size_t(heads));
  scratch_.emptied = memory.take<uint32_t>(3 * demands);
  scratch_.needed = scratch_.emptied + demands, scratch_.staging = scratch_.needed + demands;
}

// As many layers at a time as the scratch has room for: the ring hands pages out in the order in which they came back,
// so what a head gets does not depend on how many heads are worked on together.
void DeviceCache::recode(const Recode& job) {
  constexpr int64_t kScratchTokens = 4 << 20;  // of all heads together; about 30 bytes each
  SequenceState& sequence = cache_->state(job.slot);
  const int tokens = std::max(1, sequence.tokens), fresh = int(sequence.heads.front().tokens[kFreshList]);
  const int layers = int(std::clamp<int64_t>(kScratchTokens / (int64_t(tokens) * tables_.kv_heads), 1, tables_.layers));
  Carve measure;
  carve_scratch(measure, tokens, layers * tables_.kv_heads);
  scratch_memory_.reserve(device_, measure.bytes());
  Carve place(scratch_memory_.data());
  carve_scratch(place, tokens, layers * tables_.kv_heads);
  const bool rebuild = fresh > job.keep_fresh || sequence.list_tier[kFreshList] != job.fresh_tier;
  for (int layer = 0; layer < tables_.layers; layer += layers) {
    const int heads = std::min(layers, tables_.layers - layer) * tables_.kv_heads;
    recode_heads({job.slot, job.keep_fresh, job.fresh_tier, job.most_queries, rebuild, job.thresholds,
                  layer * tables_.kv_heads, heads},
                 job.slot);
  }
  sequence.heads.front().tokens[kFreshList] = uint32_t(std::min(fresh, job.keep_fresh));
  sequence.list_tier[kFreshList] = slots_[job.slot].state.list_tier[kFreshList] = job.fresh_tier;
  device_.upload(&tables_.slots[job.slot], &slots_[job.slot].state, sizeof(SlotState));
}

void DeviceCache::recode_heads(const RecodeTask& task, SlotId slot) {
  const std::size_t demands = std::size_t(task.heads) + 1;
  device_.launch<PlanMovesKernel>({task.heads}, {tables_, task, scratch_});
  for (uint32_t* demand : {scratch_.emptied, scratch_.needed, scratch_.staging}) {
    device_.exclusive_sum(demand, demand, task.heads + 1);
  }
  std::vector<uint32_t> sums(3 * demands);
  for (int i = 0; i < 3; ++i) {
    const uint32_t* from = i == 0 ? scratch_.emptied : i == 1 ? scratch_.needed : scratch_.staging;
    device_.download(&sums[i * demands], from, demands * sizeof(uint32_t));
  }
  const uint32_t emptied = sums[demands - 1], needed = sums[2 * demands - 1];
  PageRing& ring = cache_->ring();
  move_rows(task, {sums.begin() + std::ptrdiff_t(2 * demands), sums.end()}, ring.first() + ring.free(), ring.first());
  ring.give(emptied);
  ring.take(needed);
  slots_[slot].pages += needed - emptied;
  cache_->note_high_water();
}

// staging: sums over the task's heads; a wave is as many heads as fit the staging area.
void DeviceCache::move_rows(const RecodeTask& task, const std::vector<uint32_t>& staging, uint64_t first_put,
                            uint64_t first_free) {
  for (int first = 0; first < task.heads;) {
    int last = first + 1;
    while (last < task.heads && staging[last + 1] - staging[first] <= staging_pages_) ++last;
    const RecodeParams params{tables_, task, scratch_, staging_, first_put, first_free, new_rows_, first};
    device_.launch<StageKernel>({last - first}, params);
    visit_head_size(tables_.head_dim, [&](auto size) { device_.launch<PlaceKernel<size()>>({last - first}, params); });
    first = last;
  }
}

}  // namespace leankv
