#include "backend/statistics.h"

#include <algorithm>

#include "kv/page_view.h"
#include "kv/quantise.h"

namespace leankv {
namespace {

constexpr int kErrorSample = 128;  // tokens per head whose codec error is measured

// Mean significance of one token before the recent queries, over them, and over all.
struct Seen {
  float older, recent, all;
  int queries;
  bool in_curve;
};

// The tokens of one head with what was seen of them, in the order of their numbers.
class HeadHistory {
 public:
  HeadHistory(const KvCache& cache, SlotId slot, int index)
      : sequence_(cache.state(slot)), table_(sequence_.heads[index]), statistics_(sequence_.statistics[index]) {}

  // prior: stored significance of a token that was judged before.
  Seen judged(int number, uint16_t prior) const {
    const int from = std::max(sequence_.recent_from, sequence_.last_review);
    const int before = significance_units(prior) * kQueryUnit;
    const float prior_sum = level_mean(significance_level(prior)) * float(before);
    return combine(number, prior_sum, before + from - sequence_.last_review, sequence_.tokens - from, true);
  }
  // prior: what an earlier judgement stored for a token that stayed in its window.
  Seen fresh(int index, uint16_t prior) const {
    const int position = sequence_.tokens - int(table_.tokens[kFreshList]) + index;
    const int from = std::max(sequence_.recent_from, position);
    const int before = std::max(0, sequence_.last_review - position);
    const float prior_sum = level_mean(significance_level(prior)) * float(before);
    const bool in_curve = position >= kSkipFirst && position < sequence_.recent_from - kSkipLast;
    return combine(table_.judged_tokens() + index, prior_sum, from - position, sequence_.tokens - from, in_curve);
  }

 private:
  Seen combine(int number, float prior_sum, int n_older, int n_recent, bool in_curve) const {
    const float older = prior_sum + at(statistics_.older, number), recent = at(statistics_.recent, number);
    const bool only_recent = sequence_.policy.kind == PolicyKind::kPaper && prior_sum == 0;
    Seen s{older / float(std::max(n_older, 1)), recent / float(std::max(n_recent, 1)), 0, n_older + n_recent, in_curve};
    s.all = only_recent ? s.recent : (older + recent) / float(std::max(s.queries, 1));
    return s;
  }
  static float at(const std::vector<float>& sums, int i) { return i < int(sums.size()) ? sums[i] : 0.0f; }

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
      const Seen seen = list == kFreshList ? history.fresh(number - judged, prior) : history.judged(number, prior);
      const uint16_t bits = encode_significance(seen.all, seen.queries);
      const int units = units_or_pin(prior, significance_units(bits));
      page.set_significance(t, make_significance(significance_level(bits), units));
      if (!seen.in_curve) continue;
      past.push_back(seen.older);
      future.push_back(seen.recent);
    }
  };
  cache.for_each_page(slot, table, settle_page);
}

double squared_error(CodecId id, const float* x, int head_dim) {
  uint16_t codes[kMaxHeadDim];
  uint8_t scales[kMaxScaleBytes];
  float back[kMaxHeadDim];
  encode_row(id, x, head_dim, codes, scales);
  decode_row(id, codes, scales, head_dim, back);
  double sum = 0;
  for (int c = 0; c < head_dim; ++c) sum += double(back[c] - x[c]) * (back[c] - x[c]);
  return sum;
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
  CodecError error;
  int samples = 0;
  for (int i = first; i < n; i += stride, ++samples) {
    const PageView page(layout, const_cast<std::byte*>(cache.page(pages[i / layout.tokens])));
    float key[kMaxHeadDim], value[kMaxHeadDim];
    page.decode_key(i % layout.tokens, key);
    page.decode_value(i % layout.tokens, value);
    for (std::size_t t = 0; t < tiers.size(); ++t) {
      error.key[t] += squared_error(tier(tiers[t]).key, key, layout.head_dim);
      error.value[t] += squared_error(tier(tiers[t]).value, value, layout.head_dim);
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
  const double head_dim = cache.shape().head_dim, recent = sequence.tokens - sequence.recent_from;
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
  s.output_sum.clear(), s.older.clear(), s.recent.clear();
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
      const Curve curve = fit_curve(past, future);
      memory.curve = sequence.judgements == 0 ? curve : at_least(curve, memory.curve);
      memory.constants = constants_of(cache, slot, index, output_energy[index]);
    }
    reset(sequence.statistics[index]);
  });
  std::ranges::fill(sequence.residual_energy, 0.0);
  if (next == Gathering::kEnd) sequence.statistics = {};
}

}  // namespace leankv
