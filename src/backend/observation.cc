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

// Observing rows of an entry from this one on, of a sequence that is judged already (observation_of).
int observers_from(const SequenceState& sequence, const BatchEntry& entry, int first_row) {
  const int interval = sequence.policy.sample_interval;
  const auto up_to = [&](int row) { return (entry.position + row + interval - 1) / interval; };
  return std::max(0, up_to(entry.rows) - up_to(first_row));
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

// A head's significance is gathered from its pages into one row, so that a kernel's vectors are full.
class HeadUpdate {
 public:
  HeadUpdate(KvCache& cache, const BatchEntry& entry, int layer, int head)
      : entry_(entry), sequence_(cache.state(entry.slot)), table_(cache.head(entry.slot, layer, head)) {
    row_.reserve(table_.total_tokens());
    cache.for_each_page(entry.slot, table_, [&](int, const PageLayout& layout, PageId id, int tokens) {
      auto* bits = reinterpret_cast<uint16_t*>(cache.page(id) + layout.significance);
      row_.insert(row_.end(), bits, bits + tokens);
      pages_.push_back({bits, std::size_t(tokens)});
    });
    where_ = where(cache, entry, layer, head);
  }

  void update_judged(const std::vector<float>& seen, UpdateSignificances update) {
    const int rows = observers_from(sequence_, entry_, 0), sample = sequence_.policy.sample_interval;
    update(row_.data(), int(table_.judged_tokens()), seen.data(), judged_queries(rows, sample, where_));
  }

  // A fresh token is seen by the rows that came after it, and its mean is of the queries since its own.
  void update_fresh(const std::vector<float>& seen, UpdateSignificances update) {
    const int judged = int(table_.judged_tokens()), fresh = int(table_.tokens[kFreshList]);
    std::vector<float> means, weights;
    for (int i = 0; i < fresh; ++i) {
      const int rows = observers_from(sequence_, entry_, std::max(0, i - (fresh - entry_.rows)));
      if (rows == 0) break;  // nor were the tokens behind it seen
      means.push_back(seen[judged + i] / float(rows));
      weights.push_back(std::min(1.0f, float(rows * sequence_.policy.sample_interval) / float(fresh - i)));
    }
    const ObservedQueries queries = {1, {}, weights.data(), where_, judged};
    update(row_.data() + judged, int(means.size()), means.data(), queries);
  }

  void write_back() {
    const uint16_t* from = row_.data();
    for (const std::span<uint16_t> page : pages_) {
      std::copy_n(from, page.size(), page.data());
      from += page.size();
    }
  }

 private:
  const BatchEntry& entry_;
  const SequenceState& sequence_;
  const HeadTable& table_;
  std::vector<uint16_t> row_;               // [tokens of the head]
  std::vector<std::span<uint16_t>> pages_;  // where they lie, in the same order
  uint32_t where_ = 0;
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
  HeadUpdate tokens(cache, entry, layer, head);
  tokens.update_judged(seen, update);
  tokens.update_fresh(seen, update);
  tokens.write_back();
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
