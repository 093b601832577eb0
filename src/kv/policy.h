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
  bool rotate = false;           // Hadamard rotation of queries, keys, values
  bool centre = false;           // subtract the head's mean key
  double ratio = 1;              // target: 16-bit bytes / page-true bytes; 0: none
  int64_t budget_bytes = 0;      // target: bytes of the sequence; 0: none
  std::optional<double> lambda;  // fixed lambda instead of a target
  double alpha_high = 1;         // paper
  double alpha_low = 0.02;       // paper
  int recent = 256;              // queries that stand for the future (forecast) or are counted (paper: 64)
  int minimum_tokens = 512;      // a shorter sequence stays at the best tier
  int window = 16;               // last prompt tokens that stay at the best tier (paper: 64)
  int pin = 0;                   // first tokens that are never pruned, only lowered
  int review_interval = 128;     // decode steps between reviews
  int sample_interval = 8;       // decode steps between two observations of significance
  double prune_penalty = 4;      // rho

  bool judges() const { return kind == PolicyKind::kForecast || kind == PolicyKind::kPaper; }
  bool operator==(const Policy&) const = default;
};

// How many queries stand for the future when a sequence of so many tokens is judged: policy.recent, of a short one a
// quarter, so that as many came before them.
int recent_queries(const Policy& policy, int tokens);

Policy off_policy();
Policy uniform_policy(TierId tier);  // rotated and centred only where the key's codec is one of ours
Policy forecast_policy(double ratio);
Policy paper_policy();
// llama.cpp's -ctk and -ctv: "f16", "q8_0", "q4_0". Neither given (both empty): nullopt; one given: the other is f16.
// Throws kUnsupported, naming what works, for other types and for pairs that no tier stores.
std::optional<Policy> policy_of_cache_types(std::string_view key_type, std::string_view value_type);
// "off", "safe", "balanced", "small", "forecast", "paper", or a tier's name ("K8V8", "q8_0:q8_0") for a uniform cache,
// optionally followed by ",key=value" ("paper,alpha_h=1,alpha_l=0.02", "forecast,tiers=K8V8/K4V4,ratio=4"); text that
// begins with a key means forecast. Keys are the fields above, alpha_h, alpha_l and budget for short. A key that has
// no meaning for the kind is refused; budget or lambda replace a preset's ratio. Throws kBadOption.
Policy parse_policy(std::string_view text);
// Throws kBadOption, naming the key, where a value is out of range, tiers are not in descending bytes or targets clash.
void validate(const Policy& policy);
// The tiers alone, for the heads of one model: in small heads scales weigh more, so that an order of tiers that suits
// most models may not descend in bytes.
void validate_tiers(const Policy& policy, int head_dim);
std::string describe(const Policy& policy);  // one line that parse_policy reads back to the same policy

// Constants of one (layer, KV head): what each choice costs per unit of importance. algorithm: docs/compression.md.
struct HeadConstants {
  double cost[kMaxPolicyTiers + 1] = {};  // w (r ek + ev) per tier, best first; then rho w r for pruned
};

// The choice for one head: for a token now in tier c (index into Policy::tiers, tiers = tiers.size() for pruned) and
// significance level s, the new tier is the first i >= c with s >= floor[c][i]; none: pruned. Fresh tokens use c = 0.
struct HeadThresholds {
  static constexpr uint16_t kNever = kSignificanceLevels;  // a floor that no level reaches

  uint16_t floor[kMaxPolicyTiers][kMaxPolicyTiers] = {};
  int tiers = 0;

  LEANKV_HD int choose(int current, int level) const {
    int i = current;
    while (i < tiers && level < floor[current][i]) ++i;
    return i;
  }
};

// argmin over i >= c of cost[i] * F(A) + lambda * bytes[i], bytes(pruned) = 0; ties go to the better tier.
// bytes [tiers] strictly descending and positive; costs finite and >= 0; lambda >= 0. Level 0 counts as A = 0.
HeadThresholds forecast_thresholds(const HeadConstants& constants, const Curve& curve, std::span<const int> bytes,
                                   double lambda);
// alpha / tokens, the same for every head: a token strictly below goes to the worse class. The first threshold is
// alpha_high, the last alpha_low, geometric between; a single tier is kept above alpha_low.
HeadThresholds paper_thresholds(int tiers, double alpha_high, double alpha_low, int64_t tokens);

// How many tokens of one head there are at each significance level, by current tier; tokens that stay whatever
// happens are not in it. Filled by add(), then finish() makes it cumulative: what was added is kept as the occupied
// levels with running counts, so it is as small as its tokens allow and a count is one binary search.
class HeadHistogram {
 public:
  explicit HeadHistogram(int tiers) : tiers_(tiers) {}

  // REQUIRES not finished.
  void add(int tier, int level, bool pinned = false) {
    tiers_[tier].levels.push_back(uint16_t(level));
    if (pinned) tiers_[tier].pinned.push_back(uint16_t(level));
  }
  void finish();  // once, after the last add
  int tiers() const { return int(tiers_.size()); }
  // REQUIRES finished. Tokens now in `tier` at `level` or above; level may be kSignificanceLevels.
  uint32_t at_least(int tier, int level) const;
  uint32_t pinned_below(int tier, int level) const;

 private:
  struct OneTier {
    std::vector<uint16_t> levels;     // before finish: one per token; after: occupied levels, ascending
    std::vector<uint32_t> from_here;  // [levels + 1] tokens at this level or above; last 0
    std::vector<uint16_t> pinned;     // levels of the pinned ones among them; after finish: ascending
  };
  std::vector<OneTier> tiers_;
};

// Tokens per tier (and pruned, last: index thresholds.tiers) that the thresholds lead to. REQUIRES finished.
std::array<uint32_t, kMaxPolicyTiers + 1> tokens_after(const HeadHistogram& histogram,
                                                       const HeadThresholds& thresholds);

}  // namespace leankv
