// DeviceCache: judgements and reviews, step by step as backend/judgement.cc has them.
#include <algorithm>

#include "backend/cache_usage.h"
#include "backend/cuda/device_cache.h"
#include "backend/cuda/gather.cuh"
#include "backend/cuda/head_size.h"
#include "backend/cuda/settle.cuh"
#include "backend/judgement.h"
#include "base/error.h"

namespace leankv {

static_assert(kFirstLeftOut == kSkipFirst && kLastLeftOut == kSkipLast);
static_assert(GatherValuesKernel::kFirstLeftOut == kSkipFirst);

void DeviceCache::gather_residual(const Batch& batch, int layer, ConstMatrix x) {
  device_.launch<GatherResidualKernel>({1, int(batch.entries.size())},
                                       {step_.device_entries, layer, {x.data, int(x.stride)}, x.columns});
}

void DeviceCache::judge(const JudgementRequest& request) {
  SequenceState& sequence = cache_->state(request.slot);
  const Policy& policy = sequence.policy;
  if (!policy.judges()) {
    return recode({request.slot, sequence.tokens, policy.tiers.front(), kQueryUnit * kMaxQueryUnits, thresholds_});
  }
  settle(request);
  // The paper's significance is of the last queries alone, and decode goes on from there.
  const int most_queries = policy.kind == PolicyKind::kPaper ? policy.recent : kQueryUnit * kMaxQueryUnits;
  choose(request.slot, policy.window, 0, most_queries, request.limit_bytes);
  ++sequence.judgements;
}

void DeviceCache::review(SlotId slot, int64_t limit_bytes) {
  const SequenceState& sequence = cache_->state(slot);
  const int gained = sequence.tokens / kQueryUnit - sequence.last_review / kQueryUnit;
  choose(slot, std::max(kQueryUnit - 1, sequence.policy.window), gained, kQueryUnit * kMaxQueryUnits, limit_bytes);
}

// As many layers at a time as the scratch has room for.
void DeviceCache::settle(const JudgementRequest& request) {
  constexpr int64_t kPoints = 2 << 20;  // of all heads together; 16 bytes each
  SequenceState& sequence = cache_->state(request.slot);
  LEANKV_CHECK(sequence.gathering() && sequence.tokens == sequence.judge_at);
  device_.upload(output_energy_, request.output_energy.data(), request.output_energy.size_bytes());
  const int64_t of_layer = int64_t(sequence.tokens) * tables_.kv_heads;
  const int layers = int(std::clamp<int64_t>(kPoints / of_layer, 1, tables_.layers));
  for (int layer = 0; layer < tables_.layers; layer += layers) {
    settle_heads(request, layer, std::min(layers, tables_.layers - layer));
  }
  Slot& slot = slots_[request.slot];
  if (request.next == Gathering::kEnd) {
    slot.gathered = {}, slot.sums = {};
    sequence.statistics = {};
    return;
  }
  const std::size_t heads = std::size_t(tables_.heads());
  device_.fill(slot.sums.seen, 0, kWindows * heads * std::size_t(slot.sums.capacity) * sizeof(float));
  device_.fill(slot.sums.output_sum, 0, heads * std::size_t(tables_.head_dim) * sizeof(double));
  device_.fill(slot.sums.query_energy, 0, heads * sizeof(double));
  device_.fill(slot.sums.residual_energy, 0, std::size_t(tables_.layers) * sizeof(double));
}

void DeviceCache::settle_heads(const JudgementRequest& request, int first_layer, int layers) {
  const SequenceState& sequence = cache_->state(request.slot);
  const Policy& policy = sequence.policy;
  const int heads = layers * tables_.kv_heads;
  SettleTask task{request.slot,
                  sequence.tokens,
                  sequence.windows,
                  policy.kind != PolicyKind::kPaper && sequence.windows.complete(sequence.tokens),
                  sequence.last_review,
                  sequence.judgements == 0,
                  first_layer * tables_.kv_heads,
                  slots_[request.slot].sums,
                  policy.prune_penalty,
                  int(policy.tiers.size()),
                  {},
                  output_energy_,
                  nullptr,
                  nullptr,
                  nullptr,
                  nullptr,
                  sequence.tokens,
                  cache_->prior().empty() ? nullptr : prior_,
                  curves_,
                  constants_};
  std::ranges::copy(policy.tiers, task.tier);
  const std::size_t points = std::size_t(heads) * std::size_t(task.room);
  uint32_t* sorted[2];
  const auto place = [&](Carve memory) {
    task.past = memory.take<uint32_t>(points), task.future = memory.take<uint32_t>(points);
    sorted[0] = memory.take<uint32_t>(points), sorted[1] = memory.take<uint32_t>(points);
    task.begins = memory.take<uint32_t>(std::size_t(heads)), task.ends = memory.take<uint32_t>(std::size_t(heads));
    return memory.bytes();
  };
  scratch_memory_.reserve(device_, place(Carve()));
  place(Carve(scratch_memory_.data()));
  device_.launch<SettleKernel>({heads}, {tables_, task});
  if (policy.kind != PolicyKind::kForecast) return;
  device_.sort_segments({task.past, task.future, sorted[0], sorted[1], task.begins, task.ends, int(points), heads});
  task.past = sorted[0], task.future = sorted[1];
  device_.launch<CurveKernel>({heads}, {task, int(tables_.head_index(request.slot, 0))});
  visit_head_size(tables_.head_dim, [&](auto size) {
    device_.launch<ConstantsKernel<size()>>({heads}, {tables_, task});
  });
}

DeviceCosts DeviceCache::costs_of(const SequenceState& sequence) const {
  const Policy& policy = sequence.policy;
  DeviceCosts costs{};
  for (std::size_t i = 0; i < policy.tiers.size(); ++i) {
    costs.tokens_per_page[i] = cache_->layout(policy.tiers[i]).tokens;
    costs.bytes[i] = bytes_per_token(policy.tiers[i], tables_.head_dim);
  }
  costs.fresh_tokens_per_page = cache_->layout(policy.tiers.front()).tokens;
  costs.bytes_per_page = tables_.page_bytes + int64_t(sizeof(PageRef));
  int64_t of_head = int64_t(sizeof(uint32_t)) * sequence.lists();  // as fixed_table_bytes()
  if (policy.centre) of_head += int64_t(sizeof(uint16_t)) * tables_.head_dim;
  if (policy.kind == PolicyKind::kForecast) of_head += int64_t(sizeof(HeadConstants) + sizeof(Curve));
  costs.fixed_bytes = of_head * tables_.heads();
  return costs;
}

void DeviceCache::choose(SlotId slot, int keep_fresh, int units_gained, int most_queries, int64_t limit_bytes) {
  SequenceState& sequence = cache_->state(slot);
  const Policy& policy = sequence.policy;
  const int heads = tables_.heads(), tiers = int(policy.tiers.size());
  ChoiceTask task{slot, tiers, keep_fresh, units_gained, nullptr, nullptr};
  const auto place = [&](Carve memory) {
    const std::size_t n = std::size_t(heads * tiers) * kCumulativeLevels;
    task.tokens = memory.take<uint32_t>(n), task.pinned = memory.take<uint32_t>(n);
    return memory.bytes();
  };
  scratch_memory_.reserve(device_, place(Carve()));
  place(Carve(scratch_memory_.data()));
  device_.launch<CountLevelsKernel>({heads}, {tables_, task});
  SolveKernel::Params solve{};
  solve.heads = heads, solve.tiers = tiers, solve.tokens = task.tokens, solve.pinned = task.pinned;
  solve.fixed = std::min(uint32_t(keep_fresh), sequence.heads.front().tokens[kFreshList]);
  solve.constants = constants_ + tables_.head_index(slot, 0), solve.curves = curves_ + tables_.head_index(slot, 0);
  solve.costs = costs_of(sequence), solve.target = target_bytes(*cache_, sequence, limit_bytes);
  solve.paper = policy.kind == PolicyKind::kPaper, solve.aims = policy.ratio > 0 || policy.budget_bytes > 0;
  solve.has_lambda = policy.lambda.has_value(), solve.lambda = policy.lambda.value_or(0);
  solve.alpha_high = policy.alpha_high, solve.alpha_low = policy.alpha_low, solve.sequence_tokens = sequence.tokens;
  solve.thresholds = thresholds_, solve.chosen = chosen_ + slot;
  device_.launch<SolveKernel>({1}, solve);
  recode({slot, keep_fresh, policy.tiers.front(), most_queries, thresholds_});
  sequence.last_review = sequence.tokens;
}

}  // namespace leankv
