// Which share of a head's tokens a preset keeps in which tier, as recorded from a real cache: what synthetic caches are
// made of.
#pragma once

#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/cache_usage.h"
#include "kv/policy.h"

namespace leankv {

// One preset. Heads of other shapes take the recorded ones in turn.
struct TierMix {
  std::string kv;                           // "safe"
  std::vector<TierId> tiers;                // of the policy, best first
  std::vector<std::vector<double>> shares;  // [layers * kv_heads][tiers]; what is missing to 1 was pruned
};

TierMix tier_mix_of(std::string_view kv, const KvCache& cache, SlotId slot);

// Lines: "# remark", "mix NAME TIER TIER ...", and after it a line of shares per head. Throws kBadFile.
std::vector<TierMix> read_tier_mixes(std::string_view text);
std::string write_tier_mixes(std::string_view remark, std::span<const TierMix> mixes);

std::string tier_mix_summary(const TierMix& mix);  // "safe: K8V8 31 %, K4V4 50 %, ..., pruned 4 %", means over heads

// Of the default model (tools/measure_speed records them).
const std::vector<TierMix>& recorded_tier_mixes();

}  // namespace leankv
