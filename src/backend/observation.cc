#include "backend/observation.h"

#include <algorithm>

#include "kv/page_view.h"
#include "kv/significance.h"

namespace leankv {
namespace {

void add(std::vector<float>& sums, const std::vector<float>& seen) {
  if (seen.empty()) return;
  sums.resize(std::max(sums.size(), seen.size()));
  for (std::size_t i = 0; i < seen.size(); ++i) sums[i] += seen[i];
}

// A hash of where and when, so that rounding is unbiased yet the same on every machine.
uint32_t dither_of(int position, int index, int token) {
  uint32_t h = uint32_t(position) * 0x9e3779b1u ^ uint32_t(index) * 0x85ebca77u ^ uint32_t(token) * 0xc2b2ae3du;
  h = (h ^ (h >> 15)) * 0x2c1b3c6du;
  h = (h ^ (h >> 12)) * 0x297a2d39u;
  return h ^ (h >> 15);
}

// Observing rows of an entry whose queries saw the fresh token with this number.
int observers(const SequenceState& sequence, const BatchEntry& entry, int fresh_before, int fresh_index) {
  int n = 0;
  for (int r = std::max(0, fresh_index - fresh_before); r < entry.rows; ++r) {
    n += observation_of(sequence, entry.position + r) != Observe::kNot;
  }
  return n;
}

struct Update {
  float mean;    // of the observed queries
  float weight;  // of that mean in the running one
};

// The running mean counts queries up to 64 * kMaxQueryUnits; each observed query stands for sample_interval. A token
// judged at the end of a prompt, before it had seen a whole unit, counts as one: else one query would outweigh all.
Update judged_update(float sum, int rows, int sample, int units) {
  const float stands_for = float(rows * sample);
  return {sum / float(rows), stands_for / (float(std::max(units, 1) * kQueryUnit) + stands_for)};
}
Update fresh_update(float sum, int rows, int sample, int queries_since_birth) {
  return {sum / float(rows), std::min(1.0f, float(rows * sample) / float(queries_since_birth))};
}

void update_pages(KvCache& cache, const BatchEntry& entry, int layer, int head, const std::vector<float>& seen) {
  const SequenceState& sequence = cache.state(entry.slot);
  const HeadTable& table = cache.head(entry.slot, layer, head);
  const int sample = sequence.policy.sample_interval, fresh = int(table.tokens[kFreshList]);
  const int rows = observers(sequence, entry, 0, 0), judged = table.judged_tokens();
  int number = 0;
  const auto update_page = [&](int list, const PageLayout& layout, PageId id, int tokens) {
    PageView page(layout, cache.page(id));
    for (int t = 0; t < tokens; ++t, ++number) {
      const uint16_t bits = page.significance(t);
      const int in_fresh = number - judged;
      const int saw = list == kFreshList ? observers(sequence, entry, fresh - entry.rows, in_fresh) : rows;
      if (saw == 0) continue;
      const Update u = list == kFreshList ? fresh_update(seen[number], saw, sample, fresh - in_fresh)
                                          : judged_update(seen[number], saw, sample, significance_units(bits));
      const uint32_t dither = dither_of(entry.position, layer * cache.shape().kv_heads + head, number);
      page.set_significance(t, update_significance(bits, u.mean, u.weight, dither));
    }
  };
  cache.for_each_page(entry.slot, table, update_page);
}

}  // namespace

Observe observation_of(const SequenceState& sequence, int position) {
  if (!sequence.policy.judges()) return Observe::kNot;
  if (sequence.gathering()) return position >= sequence.recent_from ? Observe::kRecent : Observe::kOlder;
  return position % sequence.policy.sample_interval == 0 ? Observe::kRecent : Observe::kNot;
}

void record(KvCache& cache, const BatchEntry& entry, int layer, int head, std::span<const Observation> parts) {
  SequenceState& sequence = cache.state(entry.slot);
  if (sequence.gathering()) {
    HeadStatistics& statistics = sequence.statistics[layer * cache.shape().kv_heads + head];
    for (const Observation& part : parts) add(statistics.older, part.older), add(statistics.recent, part.recent);
    return;
  }
  std::vector<float> seen;
  for (const Observation& part : parts) add(seen, part.recent);
  if (!seen.empty()) update_pages(cache, entry, layer, head, seen);
}

void gather_outputs(KvCache& cache, const BatchEntry& entry, int layer, int head, ConstMatrix q, ConstMatrix out) {
  SequenceState& sequence = cache.state(entry.slot);
  if (!sequence.gathering()) return;
  const int head_dim = cache.shape().head_dim;
  HeadStatistics& statistics = sequence.statistics[layer * cache.shape().kv_heads + head];
  statistics.output_sum.resize(head_dim);
  for (int r = std::max(0, sequence.recent_from - entry.position); r < entry.rows; ++r) {
    for (int c = 0; c < out.columns; ++c) {
      statistics.output_sum[c % head_dim] += out.row(r)[c];
      statistics.query_energy += double(q.row(r)[c]) * q.row(r)[c];
    }
  }
}

void gather_residual(KvCache& cache, const Batch& batch, int layer, ConstMatrix x) {
  if (cache.keeper() != nullptr) return cache.keeper()->gather_residual(batch, layer, x);
  for (const BatchEntry& entry : batch.entries) {
    SequenceState& sequence = cache.state(entry.slot);
    if (!sequence.gathering()) continue;
    for (int r = std::max(0, sequence.recent_from - entry.position); r < entry.rows; ++r) {
      const float* row = x.row(entry.first_row + r);
      for (int c = 0; c < x.columns; ++c) sequence.residual_energy[layer] += double(row[c]) * row[c];
    }
  }
}

}  // namespace leankv
