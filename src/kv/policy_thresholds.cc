#include <algorithm>

#include "base/error.h"
#include "kv/threshold_rules.h"

namespace leankv {

HeadThresholds forecast_thresholds(const HeadConstants& constants, const Curve& curve, std::span<const int> bytes,
                                   double lambda) {
  LEANKV_CHECK(!bytes.empty() && bytes.size() <= std::size_t(kMaxPolicyTiers));
  return thresholds_of_forecast(constants, curve, bytes.data(), int(bytes.size()), lambda);
}

HeadThresholds paper_thresholds(int tiers, double alpha_high, double alpha_low, int64_t tokens) {
  LEANKV_CHECK(tiers >= 1 && tiers <= kMaxPolicyTiers && tokens >= 1);
  return thresholds_of_paper(tiers, alpha_high, alpha_low, tokens);
}

void HeadHistogram::finish() {
  for (OneTier& one : tiers_) {
    std::vector<uint32_t> count(kSignificanceLevels, 0);
    uint32_t tokens = uint32_t(one.levels.size());
    for (const uint16_t level : one.levels) ++count[level];
    one.levels.clear();
    for (int level = 0; level < kSignificanceLevels; ++level) {
      if (count[level] == 0) continue;
      one.levels.push_back(uint16_t(level));
      one.from_here.push_back(tokens);
      tokens -= count[level];
    }
    one.from_here.push_back(0);
    one.levels.shrink_to_fit();
    one.from_here.shrink_to_fit();
    std::ranges::sort(one.pinned);
  }
}

uint32_t HeadHistogram::at_least(int tier, int level) const {
  const OneTier& one = tiers_[tier];
  return one.from_here[std::ranges::lower_bound(one.levels, level) - one.levels.begin()];
}

uint32_t HeadHistogram::pinned_below(int tier, int level) const {
  const std::vector<uint16_t>& pinned = tiers_[tier].pinned;
  return uint32_t(std::ranges::lower_bound(pinned, level) - pinned.begin());
}

std::array<uint32_t, kMaxPolicyTiers + 1> tokens_after(const HeadHistogram& histogram,
                                                       const HeadThresholds& thresholds) {
  std::array<uint32_t, kMaxPolicyTiers + 1> after;
  count_after(histogram, thresholds, after.data());
  return after;
}

}  // namespace leankv
