#include "app/bench/synthetic.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <numbers>

#include "backend/judgement.h"
#include "base/error.h"
#include "engine/random.h"
#include "kv/page_view.h"
#include "kv/quantise.h"

namespace leankv {
namespace {

constexpr uint64_t kSeed = 1;
constexpr int kTemplates = 8;  // different pages of each list: codes are not what speed depends on

using Counts = std::array<uint32_t, kMaxLists>;  // tokens by list

// Box and Muller's transform.
float normal(Random& random) {
  const double radius = std::sqrt(-2 * std::log(1 - random.uniform()));
  return float(radius * std::cos(2 * std::numbers::pi * random.uniform()));
}

// The better the list, the more its tokens were attended to: a band of levels each, from 2^-8 down to 2^-40.
uint16_t significance_in(int list, int lists, Random& random) {
  constexpr int kHighest = 48 * kLevelsPerOctave, kLowest = 16 * kLevelsPerOctave;
  const int band = (kHighest - kLowest) / lists;
  const int level = kHighest - band * (list + 1) + int(random.uniform() * band);
  return make_significance(level, kMaxQueryUnits);
}

// Rows of unit variance, as rotated keys and values are to a factor of a few.
std::vector<std::byte> random_page(const PageLayout& layout, int list, int lists, Random& random) {
  std::vector<std::byte> bytes(std::size_t(layout.page_bytes), std::byte(0));
  PageView page(layout, bytes.data());
  float x[kMaxHeadDim];
  StoredRow row;
  for (int t = 0; t < layout.tokens; ++t) {
    for (const bool is_key : {true, false}) {
      std::generate_n(x, layout.head_dim, [&] { return normal(random); });
      encode_row(is_key ? tier(layout.tier).key : tier(layout.tier).value, x, layout.head_dim, row.codes, row.scales);
      is_key ? page.write_key(t, row) : page.write_value(t, row);
    }
    page.set_significance(t, significance_in(list, lists, random));
  }
  return bytes;
}

Counts counts_of(const Policy& policy, int depth, std::span<const double> shares) {
  Counts counts{};
  if (!policy.judges()) {
    counts[kFreshList] = uint32_t(depth);
    return counts;
  }
  counts[kFreshList] = uint32_t(std::min(depth, policy.window));
  for (std::size_t i = 0; i < policy.tiers.size(); ++i) counts[i + 1] = uint32_t(shares[i] * depth);
  counts[1] -= std::min(counts[1], counts[kFreshList]);  // a share of the best tier holds the window
  return counts;
}

// A double per tier that falls with its bits as errors of quantisation do: a review then lowers few tokens, as it does
// where a cache is already near its target.
HeadConstants plausible_constants(const Policy& policy) {
  HeadConstants constants;
  for (std::size_t i = 0; i < policy.tiers.size(); ++i) {
    const Tier& t = tier(policy.tiers[i]);
    constants.cost[i] = std::exp2(-2.0 * codec(t.key).bits) + std::exp2(-2.0 * codec(t.value).bits);
  }
  constants.cost[policy.tiers.size()] = policy.prune_penalty;
  return constants;
}

Curve plausible_curve() {
  Curve curve;
  for (int i = 0; i < kCurvePoints; ++i) curve.log_past[i] = curve.log_future[i] = float(i - kCurvePoints);
  return curve;
}

// What a judgement would have left behind.
void settle_state(KvCache& cache, SequenceState& state, int depth) {
  state.tokens = depth;
  if (state.policy.kind == PolicyKind::kUniform) state.list_tier[kFreshList] = state.policy.tiers.front();
  for (HeadMemory& memory : state.memory) {
    if (state.policy.centre) memory.key_mean.assign(std::size_t(cache.shape().head_dim), 0);
    if (!state.policy.judges()) continue;
    memory.constants = plausible_constants(state.policy);
    memory.curve = plausible_curve();
  }
  if (!state.policy.judges()) return;
  state.statistics.clear();
  state.list_tier[kFreshList] = state.policy.tiers.front();
  state.judgements = 1;
  state.last_review = depth;
}

class Filler {
 public:
  Filler(KvCache& cache, SlotId slot) : cache_(cache), state_(cache.state(slot)), slot_(slot) {}

  void make_templates() {
    for (int list = 0; list < state_.lists(); ++list) {
      for (int i = 0; i < kTemplates; ++i) {
        templates_[std::size_t(list)].push_back(
            random_page(cache_.list_layout(slot_, list), list, state_.lists(), random_));
      }
    }
  }

  uint32_t pages(const Counts& counts) const {
    uint32_t pages = 0;
    for (int list = 0; list < state_.lists(); ++list) {
      const uint32_t per_page = uint32_t(cache_.list_layout(slot_, list).tokens);
      pages += (counts[std::size_t(list)] + per_page - 1) / per_page;
    }
    return pages;
  }

  void fill_head(HeadTable& head, const Counts& counts, std::span<const PageId> pages) {
    head.tokens = counts;
    std::size_t next = 0;
    for (int list = 0; list < state_.lists(); ++list) {
      const int per_page = cache_.list_layout(slot_, list).tokens;
      for (int left = int(counts[std::size_t(list)]); left > 0; left -= per_page) {
        write(pages[next], templates_[std::size_t(list)][next % kTemplates]);
        head.bag.emplace_back(list, pages[next++]);
      }
    }
  }

  std::vector<PageId> take_shuffled(uint32_t count) {
    std::vector<PageId> pages;
    const bool kept = cache_.keeper() != nullptr;  // then the host knows no more of the ring than how it begins
    LEANKV_CHECK(!kept || (cache_.ring().first() == 0 && cache_.used_pages() == 0));
    for (uint32_t i = 0; i < count; ++i) pages.push_back(kept ? PageId(i) : cache_.ring().at(i));
    for (std::size_t i = pages.size(); i > 1; --i) std::swap(pages[i - 1], pages[random_.bits() % i]);
    cache_.ring().take(count);
    cache_.note_high_water();
    return pages;
  }

 private:
  void write(PageId id, const std::vector<std::byte>& page) {
    if (cache_.keeper() != nullptr) return cache_.keeper()->write(id, page);
    std::memcpy(cache_.page(id), page.data(), page.size());
  }

  KvCache& cache_;
  SequenceState& state_;
  SlotId slot_;
  Random random_{kSeed};
  std::array<std::vector<std::vector<std::byte>>, kMaxLists> templates_;  // [lists][kTemplates]
};

}  // namespace

bool fill_synthetic(KvCache& cache, SlotId slot, int depth, std::span<const std::vector<double>> shares) {
  SequenceState& state = cache.state(slot);
  LEANKV_CHECK(state.tokens == 0 && (!state.policy.judges() || !shares.empty()));
  const std::vector<TierId> admitted = state.list_tier;
  std::vector<double> none;
  std::vector<Counts> counts;
  if (state.policy.judges() || state.policy.kind == PolicyKind::kUniform) {
    state.list_tier[kFreshList] = state.policy.tiers.front();
  }
  Filler filler(cache, slot);
  uint32_t pages = 0;
  for (std::size_t h = 0; h < state.heads.size(); ++h) {
    counts.push_back(counts_of(state.policy, depth, shares.empty() ? none : shares[h % shares.size()]));
    pages += filler.pages(counts.back());
  }
  if (pages > cache.appendable_pages()) {
    state.list_tier = admitted;
    return false;
  }
  filler.make_templates();
  const std::vector<PageId> own = filler.take_shuffled(pages);
  std::span<const PageId> left(own);
  for (std::size_t h = 0; h < state.heads.size(); ++h) {
    const uint32_t n = filler.pages(counts[h]);
    filler.fill_head(state.heads[h], counts[h], left.first(n));
    left = left.subspan(n);
  }
  settle_state(cache, state, depth);
  if (cache.keeper() != nullptr) cache.keeper()->adopt(slot);
  return true;
}

}  // namespace leankv
