#include "backend/observation.h"

#include <algorithm>

#include "backend/energy.h"
#include "kv/significance_rules.h"

namespace leankv {
namespace {

void add(std::vector<float>& sums, const std::vector<float>& seen) {
  if (seen.empty()) return;
  sums.resize(std::max(sums.size(), seen.size()));
  for (std::size_t i = 0; i < seen.size(); ++i) sums[i] += seen[i];
}

// Observing rows of an entry whose queries saw the fresh token with this number.
int observers(const SequenceState& sequence, const BatchEntry& entry, int fresh_before, int fresh_index) {
  int n = 0;
  for (int r = std::max(0, fresh_index - fresh_before); r < entry.rows; ++r) {
    n += observation_of(sequence, entry.position + r) != kNotObserved;
  }
  return n;
}

uint32_t where(const KvCache& cache, const BatchEntry& entry, int layer, int head) {
  return uint32_t(entry.position) * 0x9e3779b1u ^ uint32_t(layer * cache.shape().kv_heads + head) * 0x85ebca77u;
}

// Of judged tokens. The running mean counts queries up to 64 * kMaxQueryUnits; each observed query stands for
// sample_interval. A token judged at the end of a prompt, before it had seen a whole unit, counts as one: else one
// query would outweigh all.
ObservedQueries judged_queries(int rows, int sample, uint32_t where) {
  ObservedQueries queries;
  queries.rows = rows, queries.where = where;
  const float stands_for = float(rows * sample);
  for (int low = 0; low < 16; ++low) {
    const int units = significance_units(uint16_t(low));
    queries.weight[low] = stands_for / (float(std::max(units, 1) * kQueryUnit) + stands_for);
  }
  return queries;
}

// Of a fresh token.
uint16_t fresh_significance(uint16_t bits, float sum, int rows, int sample, int queries_since_birth, uint32_t dither) {
  const float weight = std::min(1.0f, float(rows * sample) / float(queries_since_birth));
  return update_significance(bits, sum / float(rows), weight, dither);
}

class PageUpdate {
 public:
  PageUpdate(KvCache& cache, const BatchEntry& entry, int layer, int head, const std::vector<float>& seen,
             UpdateSignificances update)
      : cache_(cache), entry_(entry), sequence_(cache.state(entry.slot)), seen_(seen), update_(update) {
    const HeadTable& table = cache.head(entry.slot, layer, head);
    fresh_ = int(table.tokens[kFreshList]), judged_ = table.judged_tokens();
    queries_ = judged_queries(observers(sequence_, entry, 0, 0), sequence_.policy.sample_interval,
                              where(cache, entry, layer, head));
  }
  void operator()(int list, const PageLayout& layout, PageId id, int tokens) {
    auto* bits = reinterpret_cast<uint16_t*>(cache_.page(id) + layout.significance);
    queries_.first_token = number_;
    if (list == kFreshList) {
      for (int t = 0; t < tokens; ++t) update_fresh(bits[t], number_ + t);
    } else {
      update_(bits, tokens, &seen_[number_], queries_);
    }
    number_ += tokens;
  }

 private:
  void update_fresh(uint16_t& bits, int number) {
    const int in_fresh = number - judged_, saw = observers(sequence_, entry_, fresh_ - entry_.rows, in_fresh);
    if (saw == 0) return;
    bits = fresh_significance(bits, seen_[number], saw, sequence_.policy.sample_interval, fresh_ - in_fresh,
                              significance_dither(queries_.where, uint32_t(number)));
  }

  KvCache& cache_;
  const BatchEntry& entry_;
  const SequenceState& sequence_;
  const std::vector<float>& seen_;
  UpdateSignificances update_;
  ObservedQueries queries_;
  int fresh_ = 0, judged_ = 0, number_ = 0;
};

}  // namespace

int observation_of(const SequenceState& sequence, int position) {
  if (!sequence.policy.judges()) return kNotObserved;
  if (sequence.gathering()) return sequence.windows.of(position);
  return position % sequence.policy.sample_interval == 0 ? kDecodeWindow : kNotObserved;
}

void record(KvCache& cache, const BatchEntry& entry, int layer, int head, std::span<const Observation> parts,
            UpdateSignificances update) {
  SequenceState& sequence = cache.state(entry.slot);
  if (sequence.gathering()) {
    HeadStatistics& statistics = sequence.statistics[layer * cache.shape().kv_heads + head];
    for (const Observation& part : parts) {
      for (int w = 0; w < kWindows; ++w) add(statistics.seen[w], part.seen[w]);
    }
    return;
  }
  std::vector<float> seen;
  for (const Observation& part : parts) add(seen, part.seen[kDecodeWindow]);
  if (seen.empty()) return;
  PageUpdate page(cache, entry, layer, head, seen, update);
  cache.for_each_page(entry.slot, cache.head(entry.slot, layer, head), page);
}

void gather_outputs(KvCache& cache, const BatchEntry& entry, int layer, int head, ConstMatrix q, ConstMatrix out) {
  SequenceState& sequence = cache.state(entry.slot);
  if (!sequence.gathering()) return;
  const int head_dim = cache.shape().head_dim;
  HeadStatistics& statistics = sequence.statistics[layer * cache.shape().kv_heads + head];
  statistics.output_sum.resize(head_dim);
  for (int r = std::max(0, sequence.recent_from() - entry.position); r < entry.rows; ++r) {
    for (int first = 0; first < out.columns; first += head_dim) {
      const float* output = out.row(r) + first;
      for (int c = 0; c < head_dim; ++c) statistics.output_sum[c] += double(output[c]);
    }
    statistics.query_energy += energy_of(q.row(r), q.columns);
  }
}

void gather_residual(KvCache& cache, const Batch& batch, int layer, ConstMatrix x) {
  if (cache.keeper() != nullptr) return cache.keeper()->gather_residual(batch, layer, x);
  for (const BatchEntry& entry : batch.entries) {
    SequenceState& sequence = cache.state(entry.slot);
    if (!sequence.gathering()) continue;
    for (int r = std::max(0, sequence.recent_from() - entry.position); r < entry.rows; ++r) {
      sequence.residual_energy[layer] += energy_of(x.row(entry.first_row + r), x.columns);
    }
  }
}

}  // namespace leankv
