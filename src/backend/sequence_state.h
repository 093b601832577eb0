// What the cache knows of one sequence beside its pages.
#pragma once

#include <algorithm>
#include <array>
#include <cstdint>
#include <vector>

#include "backend/head_table.h"
#include "kv/forecast.h"
#include "kv/policy.h"
#include "kv/seen_windows.h"

namespace leankv {

// What is learned of one head while a prompt passes (docs/compression.md). Dropped after the judgement.
struct HeadStatistics {
  std::vector<double> value_sum;   // [head_dim] over tokens from kSkipFirst on
  double value_energy = 0;         // sum of ||v||^2 over the same
  std::vector<double> output_sum;  // [head_dim] attention output over recent queries and the group's heads
  double query_energy = 0;         // sum of ||q||^2 over the same
  // Observed significance by token, numbered as in HeadTable::judged_tokens: sums over the queries of each window,
  // since the last judgement.
  std::array<std::vector<float>, kWindows> seen;
};

// Constants of one head that stay for the life of the sequence.
struct HeadMemory {
  std::vector<uint16_t> key_mean;  // [head_dim] IEEE half; empty where keys are not centred
  HeadConstants constants;
  Curve curve;
};

// Where the tokens of a head stand in their text, list by list in the order of the lists' rows. Attention has no use
// for it: it is kept for those who want to see which words a head still holds.
using HeadPositions = std::array<std::vector<int>, kMaxLists>;

struct SequenceState {
  Policy policy;
  std::vector<TierId> list_tier;           // tier of each list: fresh, then policy.tiers
  std::vector<HeadTable> heads;            // [layers, kv_heads]
  std::vector<HeadMemory> memory;          // [layers, kv_heads]
  std::vector<HeadStatistics> statistics;  // [layers, kv_heads] while gathering, else empty
  std::vector<HeadPositions> positions;    // [layers, kv_heads] where they were asked for, else empty
  std::vector<double> residual_energy;     // [layers] sum of ||x||^2 over recent queries
  int tokens = 0;                          // that the sequence has had, pruned ones included
  int judge_at = 0;                        // gathering: the number of tokens after which the judgement comes
  QueryWindows windows;                    // gathering: what the queries up to judge_at count as
  int judgements = 0;
  int last_review = 0;  // tokens at the last judgement or review
  double lambda = 0;    // of the last choice
  bool used = false;

  bool gathering() const { return !statistics.empty(); }
  int recent_from() const { return windows.recent_from(); }  // the queries that stand for the future begin
  // Plans the next judgement. Queries that have passed stay in the window in which they were gathered.
  void judge_after(int total_tokens) {
    judge_at = total_tokens;
    const int recent = recent_queries(policy, total_tokens), last = std::max(1, recent / 4);
    const std::array<int, kWindows> before_end = {total_tokens, 2 * recent, recent + last, recent, last};
    for (int w = 1; w < kWindows; ++w) {
      const bool began = windows.from[w] >= last_review && windows.from[w] < tokens;
      if (!began) windows.from[w] = std::max(tokens, total_tokens - before_end[w]);
    }
  }
  int lists() const { return int(list_tier.size()); }
};

// First tokens that are left out of means: the sink and its like.
inline constexpr int kSkipFirst = 4;
// Tokens before the recent queries that are left out of the curve: attention to neighbours is no forecast.
inline constexpr int kSkipLast = 16;
// Tokens of the first chunk that the mean key is taken over.
inline constexpr int kMeanKeyTokens = 512;

}  // namespace leankv
