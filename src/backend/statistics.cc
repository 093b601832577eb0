#include "backend/statistics.h"

#include <algorithm>

#include "backend/energy.h"
#include "kv/page_view.h"

namespace leankv {
namespace {

constexpr int kErrorSample = 128;  // tokens per head whose codec error is measured

// The tokens of one head with what was seen of them, in the order of their numbers.
class HeadHistory {
 public:
  HeadHistory(const KvCache& cache, SlotId slot, int index)
      : sequence_(cache.state(slot)), table_(sequence_.heads[index]), statistics_(sequence_.statistics[index]) {}

  // prior: stored significance of a token that was judged before.
  TokenScore judged(int number, uint16_t prior) const {
    return score(number, prior, significance_units(prior) * kQueryUnit, sequence_.last_review);
  }
  // Of the fresh list; prior: what an earlier judgement stored for a token that stayed in its window.
  TokenScore fresh(int index, uint16_t prior) const {
    const int born = position(index);
    return score(table_.judged_tokens() + index, prior, std::max(0, sequence_.last_review - born),
                 std::max(sequence_.last_review, born));
  }
  bool fresh_in_curve(int index) const {
    return position(index) >= kSkipFirst && position(index) < sequence_.recent_from() - kSkipLast;
  }

 private:
  int position(int index) const { return sequence_.tokens - int(table_.tokens[kFreshList]) + index; }
  // since: the position of the first query that is in the sums.
  TokenScore score(int number, uint16_t prior, int prior_queries, int since) const {
    TokenSeen seen;
    seen.prior_queries = prior_queries;
    seen.prior_sum = level_mean(significance_level(prior)) * float(prior_queries);
    for (int w = 0; w < kWindows; ++w) {
      const std::vector<float>& sums = statistics_.seen[w];
      seen.sum[w] = number < int(sums.size()) ? sums[number] : 0.0f;
      seen.queries[w] = sequence_.windows.queries(w, since, sequence_.tokens);
    }
    const bool paper = sequence_.policy.kind == PolicyKind::kPaper;
    return score_of(seen, !paper && sequence_.windows.complete(sequence_.tokens), paper && seen.prior_sum == 0);
  }

  const SequenceState& sequence_;
  const HeadTable& table_;
  const HeadStatistics& statistics_;
};

// Writes the significance of every token and collects the points of the curve.
void settle_significance(KvCache& cache, SlotId slot, int index, std::vector<float>& past, std::vector<float>& future) {
  const HeadTable& table = cache.state(slot).heads[index];
  const HeadHistory history(cache, slot, index);
  const int judged = table.judged_tokens();
  int number = 0;
  const auto settle_page = [&](int list, const PageLayout& layout, PageId id, int tokens) {
    PageView page(layout, cache.page(id));
    for (int t = 0; t < tokens; ++t, ++number) {
      const uint16_t prior = page.significance(t);
      const bool is_fresh = list == kFreshList;
      const TokenScore score = is_fresh ? history.fresh(number - judged, prior) : history.judged(number, prior);
      page.set_significance(t, make_significance(score.level, units_or_pin(prior, query_units(score.queries))));
      if (is_fresh && !history.fresh_in_curve(number - judged)) continue;
      past.push_back(score.past);
      future.push_back(score.future);
    }
  };
  cache.for_each_page(slot, table, settle_page);
}

double squared_error(const RowCodec& rows, CodecId id, const float* x, int head_dim) {
  StoredRow row;
  float error[kMaxHeadDim];
  rows.encode(id, x, head_dim, row.codes, row.scales);
  rows.decode(id, row.codes, row.scales, head_dim, error);
  for (int c = 0; c < head_dim; ++c) error[c] -= x[c];
  return energy_of(error, head_dim);
}

// Mean squared error of each tier over a sample of the fresh tokens.
struct CodecError {
  double key[kMaxPolicyTiers] = {}, value[kMaxPolicyTiers] = {};
};

CodecError measure_error(const KvCache& cache, SlotId slot, int index) {
  const SequenceState& sequence = cache.state(slot);
  const HeadTable& table = sequence.heads[index];
  const PageLayout& layout = cache.list_layout(slot, kFreshList);
  const std::vector<PageId> pages = table.pages_of(kFreshList);
  const int n = int(table.tokens[kFreshList]), first = sequence.tokens == n ? std::min(kSkipFirst, n - 1) : 0;
  const int stride = std::max(1, (n - first) / kErrorSample);
  const auto& tiers = sequence.policy.tiers;
  const RowCodec& rows = cache.rows();
  const Tier& stored = tier(layout.tier);
  CodecError error;
  int samples = 0;
  for (int i = first; i < n; i += stride, ++samples) {
    const PageView page(layout, const_cast<std::byte*>(cache.page(pages[i / layout.tokens])));
    StoredRow row;
    float key[kMaxHeadDim], value[kMaxHeadDim];
    page.read_key(i % layout.tokens, row);
    rows.decode(stored.key, row.codes, row.scales, layout.head_dim, key);
    page.read_value(i % layout.tokens, row);
    rows.decode(stored.value, row.codes, row.scales, layout.head_dim, value);
    for (std::size_t t = 0; t < tiers.size(); ++t) {
      error.key[t] += squared_error(rows, tier(tiers[t]).key, key, layout.head_dim);
      error.value[t] += squared_error(rows, tier(tiers[t]).value, value, layout.head_dim);
    }
  }
  for (double* sums : {error.key, error.value}) {
    for (std::size_t t = 0; t < tiers.size(); ++t) sums[t] /= samples;
  }
  return error;
}

// docs/compression.md: D = w I (r ek + ev), D_pruned = rho w I r.
HeadConstants constants_of(const KvCache& cache, SlotId slot, int index, double output_energy) {
  const SequenceState& sequence = cache.state(slot);
  const HeadStatistics& s = sequence.statistics[index];
  const double head_dim = cache.shape().head_dim, recent = sequence.tokens - sequence.recent_from();
  const double outputs = recent * cache.shape().group, values = sequence.tokens - kSkipFirst;
  double loss = s.value_energy / values;  // mean ||v - o||^2
  for (std::size_t c = 0; c < s.output_sum.size(); ++c) {
    const double o = s.output_sum[c] / outputs;
    loss += o * o - 2 * o * s.value_sum[c] / values;
  }
  const double r = loss * output_energy, query = s.query_energy / outputs / head_dim / head_dim;
  const double w = recent / sequence.residual_energy[index / cache.shape().kv_heads];
  const CodecError error = measure_error(cache, slot, index);
  const std::size_t tiers = sequence.policy.tiers.size();
  HeadConstants constants;
  for (std::size_t t = 0; t < tiers; ++t) {
    constants.cost[t] = w * (r * error.key[t] * query + error.value[t] * output_energy);
  }
  constants.cost[tiers] = sequence.policy.prune_penalty * w * r;
  return constants;
}

void reset(HeadStatistics& s) {
  s.output_sum.clear();
  for (std::vector<float>& sums : s.seen) sums.clear();
  s.query_energy = 0;
}

}  // namespace

void settle_statistics(KvCache& cache, ThreadPool& threads, SlotId slot, std::span<const double> output_energy,
                       Gathering next) {
  SequenceState& sequence = cache.state(slot);
  LEANKV_CHECK(sequence.gathering() && sequence.tokens == sequence.judge_at);
  threads.run(cache.shape().heads(), [&](int index, int) {
    std::vector<float> past, future;
    settle_significance(cache, slot, index, past, future);
    if (sequence.policy.kind == PolicyKind::kForecast && past.size() >= kCurvePoints) {
      HeadMemory& memory = sequence.memory[index];
      Curve curve = fit_curve(past, future);
      if (!cache.prior().empty()) curve = blend(curve, past.size(), cache.prior()[index]);
      memory.curve = sequence.judgements == 0 ? curve : at_least(curve, memory.curve);
      memory.constants = constants_of(cache, slot, index, output_energy[index]);
    }
    reset(sequence.statistics[index]);
  });
  std::ranges::fill(sequence.residual_energy, 0.0);
  if (next == Gathering::kEnd) sequence.statistics = {};
}

}  // namespace leankv
