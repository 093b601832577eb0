// DeviceCache: tokens move to the lists that thresholds choose for them.
#include <algorithm>
#include <utility>

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
  for (uint32_t** array : {&scratch_.emptied, &scratch_.needed, &scratch_.staging}) {
    *array = memory.take<uint32_t>(demands);
  }
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
                  layer * tables_.kv_heads, heads});
  }
  sequence.heads.front().tokens[kFreshList] = uint32_t(std::min(fresh, job.keep_fresh));
  sequence.list_tier[kFreshList] = slots_[job.slot].state.list_tier[kFreshList] = job.fresh_tier;
  device_.upload(&tables_.slots[job.slot], &slots_[job.slot].state, sizeof(SlotState));
}

void DeviceCache::recode_heads(const RecodeTask& task) {
  if (late_.size() == kMostLate) learn_totals();
  device_.launch<PlanMovesKernel>({task.heads}, {tables_, task, scratch_});
  for (uint32_t* demand : {scratch_.emptied, scratch_.needed, scratch_.staging}) {
    device_.exclusive_sum(demand, demand, task.heads + 1);
  }
  move_rows(task);
  RecodeTotals* own = totals_ + 1 + late_.size();
  device_.launch<AddTotalsKernel>({1}, {scratch_.emptied + task.heads, scratch_.needed + task.heads, own, totals_});
  late_.push_back({task.slot, task.heads});
}

// In as many waves as the sequence's pages may need: they are never more than it holds.
void DeviceCache::move_rows(const RecodeTask& task) {
  const PageRing& ring = cache_->known_ring();
  uint32_t pages = slots_[task.slot].pages;
  for (const LatePart& part : late_) pages += part.slot == task.slot ? uint32_t(part.heads * kMaxPolicyTiers) : 0;
  RecodeParams params{tables_,      task,    scratch_,  staging_, ring.first() + ring.free(),
                      ring.first(), totals_, new_rows_, 0,        staging_pages_ - uint32_t(tables_.row_pages)};
  for (; params.wave <= pages / params.stride; ++params.wave) {
    device_.launch<StageKernel>({task.heads}, params);
    visit_head_size(tables_.head_dim, [&](auto size) { device_.launch<PlaceKernel<size()>>({task.heads}, params); });
  }
}

// KvCache::reserve_pages() says why no head takes more.
uint32_t DeviceCache::late_pages() const {
  uint32_t pages = 0;
  for (const LatePart& part : late_) pages += uint32_t(part.heads * kMaxPolicyTiers);
  return pages;
}

void DeviceCache::learn_totals() {
  if (late_.empty()) return;
  const std::vector<LatePart> late = std::exchange(late_, {});
  std::vector<RecodeTotals> totals(late.size());
  device_.download(totals.data(), totals_ + 1, totals.size() * sizeof(RecodeTotals));
  device_.fill(totals_, 0, sizeof(RecodeTotals));
  PageRing& ring = cache_->known_ring();
  for (std::size_t i = 0; i < late.size(); ++i) {
    ring.give(totals[i].given);
    ring.take(totals[i].taken);
    slots_[late[i].slot].pages += totals[i].taken - totals[i].given;
    cache_->note_high_water();
  }
}

}  // namespace leankv
