// Turns a target in bytes into the one number that all heads of a sequence share. Pure: histograms in, number out.
#pragma once

#include <cstdint>
#include <span>

#include "kv/policy.h"

namespace leankv {

// One (layer, KV head). constants and curve are the forecast policy's; the paper's needs neither.
struct HeadProblem {
  const HeadHistogram* histogram;  // finished
  const HeadConstants* constants;
  const Curve* curve;
  uint32_t fixed;  // tokens in the fresh list that stay at the best tier
};

struct PageCosts {
  std::span<const int> tokens_per_page;  // [tiers]
  int fresh_tokens_per_page;
  int page_bytes;
  int64_t table_bytes_per_page;  // what the page table holds for each page
  int64_t fixed_bytes;           // of the sequence, whatever is chosen
  std::span<const int> bytes;    // [tiers] per token, strictly descending
};

// Bytes of the sequence when each head follows its thresholds, half-filled pages included. thresholds: one per head,
// or a single one for all.
int64_t page_true_bytes(std::span<const HeadProblem> heads, const PageCosts& costs,
                        std::span<const HeadThresholds> thresholds);

// The lambda in [2^-80, 2^30], found by bisection on its logarithm, whose page-true bytes are at most the target and
// closest to it: 2^-80 when even that fits, 2^30 when nothing does (the caller compares page_true_bytes).
double solve_lambda(std::span<const HeadProblem> heads, const PageCosts& costs, int64_t target_bytes);

// The same for the paper's policy: the factor in [2^-60, 2^40] on both alphas.
double solve_alpha_factor(std::span<const HeadProblem> heads, const PageCosts& costs, double alpha_high,
                          double alpha_low, int64_t tokens, int64_t target_bytes);

}  // namespace leankv
