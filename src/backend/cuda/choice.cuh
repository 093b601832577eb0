// The choice for all heads of a sequence (backend/judgement.cc): significance levels are counted, one block per head;
// lambda is solved by one block, a thread per head; thresholds follow.
#pragma once

#include "backend/cuda/cache_tables.h"
#include "backend/cuda/row_codes.cuh"
#include "kv/threshold_rules.h"

namespace leankv {

inline constexpr int kCumulativeLevels = kSignificanceLevels + 1;

// Tokens at each level or above, by current tier; [tiers, kCumulativeLevels] each.
struct LevelCounts {
  const uint32_t *tokens, *pinned;
  int n_tiers;
  LEANKV_HD int tiers() const { return n_tiers; }
  LEANKV_HD uint32_t at_least(int tier, int level) const { return tokens[tier * kCumulativeLevels + level]; }
  LEANKV_HD uint32_t pinned_below(int tier, int level) const {
    return pinned[tier * kCumulativeLevels] - pinned[tier * kCumulativeLevels + level];
  }
};

struct ChoiceTask {
  int slot, tiers;
  int keep_fresh;             // newest fresh tokens that are not judged
  int units_gained;           // that each token has been seen by since the last choice
  uint32_t *tokens, *pinned;  // [heads, tiers, kCumulativeLevels]
};

struct CountLevelsKernel {
  static constexpr int kThreads = 256;
  struct Params {
    CacheTables tables;
    ChoiceTask task;
  };
  struct Shared {
    uint32_t tokens[kSignificanceLevels], pinned[kSignificanceLevels];
    BlockSums<uint32_t, kThreads> sums;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const HeadState& state = p.tables.head(p.task.slot, block.index());
    const int keep = p.task.keep_fresh, fresh = int(state.tokens[kFreshList]);
    auto& shared = block.template shared<Shared>();
    for (int tier = 0; tier < p.task.tiers; ++tier) {
      for (int level = block.thread(); level < kSignificanceLevels; level += kThreads) {
        shared.tokens[level] = shared.pinned[level] = 0;
      }
      block.sync();
      if (tier == 0) count(block, p, kFreshList, fresh > keep ? fresh - keep : 0);
      count(block, p, tier + 1, int(state.tokens[tier + 1]));
      block.sync();
      const std::size_t first = std::size_t(block.index() * p.task.tiers + tier) * kCumulativeLevels;
      accumulate(block, shared.tokens, p.task.tokens + first);
      accumulate(block, shared.pinned, p.task.pinned + first);
      block.sync();
    }
  }
  template <class Block>
  LEANKV_HD static void count(Block& block, const Params& p, int list, int tokens) {
    auto& shared = block.template shared<Shared>();
    const TierLayout& tier = p.tables.list_layout(p.task.slot, list);
    const RowMap map(p.tables, p.task.slot, block.index());
    const PageId* row = p.tables.row(p.task.slot, block.index()) + map.first_page[list];
    for (int t = block.thread(); t < tokens; t += kThreads) {
      uint16_t& bits = significance_at(tier, p.tables.page(row[t / tier.tokens]), t % tier.tokens);
      const int level = significance_level(bits), units = significance_units(bits) + p.task.units_gained;
      block.add_atomically(&shared.tokens[level], 1u);
      if (is_pinned(bits)) block.add_atomically(&shared.pinned[level], 1u);
      bits = make_significance(level, units_or_pin(bits, units < kMaxQueryUnits ? units : kMaxQueryUnits));
    }
  }
  // Sums from the highest level down.
  template <class Block>
  LEANKV_HD static void accumulate(Block& block, const uint32_t* counts, uint32_t* to) {
    auto& shared = block.template shared<Shared>();
    constexpr int kEach = kSignificanceLevels / kThreads;
    const int top = kSignificanceLevels - 1 - block.thread() * kEach;
    uint32_t mine = 0, total;
    for (int i = 0; i < kEach; ++i) mine += counts[top - i];
    uint32_t above = shared.sums.exclusive(block, mine, &total);
    for (int i = 0; i < kEach; ++i) to[top - i] = above += counts[top - i];
    if (block.thread() == 0) to[kSignificanceLevels] = 0;
  }
};

// What a solution is measured by: PageCosts (kv/policy_solver.h) without pointers.
struct DeviceCosts {
  int tokens_per_page[kMaxPolicyTiers];
  int bytes[kMaxPolicyTiers];  // of a token
  int fresh_tokens_per_page;
  int64_t bytes_per_page;  // with what the page table holds for it
  int64_t fixed_bytes;
};

struct SolveKernel {
  static constexpr int kThreads = 512;
  struct Params {
    int heads, tiers;
    uint32_t fixed;                   // tokens in the fresh list of each head that stay
    const uint32_t *tokens, *pinned;  // [heads, tiers, kCumulativeLevels]
    const HeadConstants* constants;   // [heads]
    const Curve* curves;              // [heads]
    DeviceCosts costs;
    int64_t target;
    bool paper, aims;  // at a ratio or a budget
    bool has_lambda;   // that the policy gives
    double lambda;
    double alpha_high, alpha_low;
    int64_t sequence_tokens;
    HeadThresholds* thresholds;  // [heads]
    double* chosen;              // lambda, or the factor on both alphas where it had to be found
  };
  struct Shared {
    BlockSums<int64_t, kThreads> sums;
  };

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const auto bytes_at = [&](double x) { return page_true_bytes(block, p, x); };
    double chosen = 1;
    const bool as_given = p.paper && !p.aims && bytes_at(1) <= p.target;
    if (p.paper && !as_given) chosen = least_that_fits(-60, 40, p.target, bytes_at);
    if (!p.paper) {
      chosen = p.has_lambda ? p.lambda : 0;
      if (!p.has_lambda || bytes_at(chosen) > p.target) {
        const double solved = least_that_fits(-80, 30, p.target, bytes_at);
        chosen = solved > chosen ? solved : chosen;
      }
    }
    for (int h = block.thread(); h < p.heads; h += kThreads) p.thresholds[h] = thresholds_at(p, h, chosen);
    if (block.thread() == 0 && !as_given) *p.chosen = chosen;
  }
  LEANKV_HD static HeadThresholds thresholds_at(const Params& p, int head, double x) {
    if (p.paper) return thresholds_of_paper(p.tiers, x * p.alpha_high, x * p.alpha_low, p.sequence_tokens);
    return thresholds_of_forecast(p.constants[head], p.curves[head], p.costs.bytes, p.tiers, x);
  }
  template <class Block>
  LEANKV_HD static int64_t page_true_bytes(Block& block, const Params& p, double x) {
    int64_t pages = 0;
    for (int h = block.thread(); h < p.heads; h += kThreads) {
      const std::size_t first = std::size_t(h * p.tiers) * kCumulativeLevels;
      uint32_t after[kMaxPolicyTiers + 1];
      count_after(LevelCounts{p.tokens + first, p.pinned + first, p.tiers}, thresholds_at(p, h, x), after);
      pages += pages_for(p.fixed, p.costs.fresh_tokens_per_page);
      for (int i = 0; i < p.tiers; ++i) pages += pages_for(after[i], p.costs.tokens_per_page[i]);
    }
    return block.template shared<Shared>().sums.sum(block, pages) * p.costs.bytes_per_page + p.costs.fixed_bytes;
  }
};

}  // namespace leankv
