// What decides a token's tier: the settings of a request's cache, and the choice for one head as thresholds.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "kv/forecast.h"
#include "kv/page_layout.h"
#include "kv/significance.h"
#include "kv/tier.h"

namespace leankv {

inline constexpr int kMaxPolicyTiers = 6;  // with the fresh list, 3 bits of a PageRef

enum class PolicyKind {
  kOff,       // 16 bit, nothing is judged
  kUniform,   // every token at the one tier
  kForecast,  // ours: argmin of expected distortion + lambda * bytes
  kPaper,     // LeanKV's thresholds alpha / N on the mean attention
};

// Settings of one request's cache. tiers: best first, at most kMaxPolicyTiers.
struct Policy {
  PolicyKind kind = PolicyKind::kOff;
  std::vector<TierId> tiers = {TierId::kK16V16};
  bool rotate = false;         // Hadamard rotation of queries, keys, values
  bool centre = false;         // subtract the head's mean key
  double ratio = 1;            // target: 16-bit bytes / page-true bytes; 0: none
  int64_t budget_bytes = 0;    // target: bytes of the sequence; 0: none
  std::optional<double> lambda;  // fixed lambda instead of a target
  double alpha_high = 1;       // paper
  double alpha_low = 0.02;     // paper
  int recent = 256;            // queries that stand for the future (forecast) or are counted (paper: 64)
  int minimum_tokens = 512;    // a shorter sequence stays at the best tier
  int window = 16;             // last prompt tokens that stay at the best tier (paper: 64)
  int review_interval = 64;    // decode steps between reviews; a token is judged first after so many queries
  int sample_interval = 8;     // decode steps between two observations of significance
  double prune_penalty = 2;    // rho

  bool judges() const { return kind == PolicyKind::kForecast || kind == PolicyKind::kPaper; }
};

Policy off_policy();
Policy uniform_policy(TierId tier);
Policy forecast_policy(double ratio);
Policy paper_policy();
// "off", "safe", "balanced", "small", "forecast", "paper", "q8_0:q8_0", ... optionally followed by ",key=value" for
// every field above ("paper,alpha_h=1,alpha_l=0.02", "forecast,tiers=K8V8/K4V4,ratio=4"). Throws kBadOption.
Policy parse_policy(std::string_view text);
std::string describe(const Policy& policy);  // one line that parse_policy reads back to the same policy

// Constants of one (layer, KV head): what each choice costs per unit of importance. algorithm: docs/compression.md.
struct HeadConstants {
  double cost[kMaxPolicyTiers + 1] = {};  // w (r ek + ev) per tier, best first; then rho w r for pruned
};

// The choice for one head: for a token now in tier c (index into Policy::tiers, tiers = tiers.size() for pruned) and
// significance level s, the new tier is the first i >= c with s >= floor[c][i]; none: pruned. Fresh tokens use c = 0.
struct HeadThresholds {
  uint16_t floor[kMaxPolicyTiers][kMaxPolicyTiers] = {};
  int tiers = 0;
  int choose(int current, int level) const;
};

// argmin over i >= c of cost[i] * F(A) + lambda * bytes[i], bytes(pruned) = 0; ties go to the better tier.
HeadThresholds forecast_thresholds(const HeadConstants& constants, const Curve& curve, std::span<const int> bytes,
                                   double lambda);
// alpha / tokens, the same for every head (prior art: two tiers; more tiers: the last threshold is alpha_low, the first
// alpha_high, geometric between).
HeadThresholds paper_thresholds(int tiers, double alpha_high, double alpha_low, int64_t tokens);

// How many tokens of one head there are at each significance level, by current tier; tokens that stay whatever
// happens are not in it.
struct HeadHistogram {
  std::vector<std::array<uint32_t, kSignificanceLevels>> count;  // [tiers]
};

// Tokens per tier (and pruned, last) that the thresholds lead to.
std::array<uint32_t, kMaxPolicyTiers + 1> tokens_after(const HeadHistogram& histogram, const HeadThresholds& thresholds);

}  // namespace leankv
