#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <numeric>

#include "app/bench/tier_mix.h"
#include "base/error.h"

namespace leankv {
namespace {

TEST(TierMix, ReadsWhatItWrites) {
  const TierMix safe{"safe", {TierId::kK8V8, TierId::kK4V4}, {{0.25, 0.5}, {1, 0}}};
  const TierMix other{"K8", {TierId::kK8V8}, {{0.125}}};
  const std::vector<TierMix> read = read_tier_mixes(write_tier_mixes("of a test", std::vector{safe, other}));
  ASSERT_EQ(read.size(), 2u);
  EXPECT_EQ(read[0].kv, "safe");
  EXPECT_EQ(read[0].tiers, safe.tiers);
  EXPECT_EQ(read[0].shares, safe.shares);
  EXPECT_EQ(read[1].shares, other.shares);
  EXPECT_EQ(tier_mix_summary(read[0]), "safe: K8V8 62 %, K4V4 25 %, pruned 12 %");
}

TEST(TierMix, RefusesWhatCannotBe) {
  for (const char* text :
       {"0.5 0.5\n", "mix safe K9V9\n1\n", "mix safe\n1\n", "mix safe K8V8 K4V4\n0.5\n", "mix safe K8V8\n1.5\n",
        "mix safe K8V8\n-0.1\n", "mix safe K8V8\n", "mix safe K8V8\nmany\n"}) {
    EXPECT_THROW(read_tier_mixes(text), Error) << text;
  }
}

TEST(TierMix, IsRecordedForEveryPreset) {
  const std::vector<TierMix>& mixes = recorded_tier_mixes();
  ASSERT_EQ(mixes.size(), 3u);
  for (const char* kv : {"safe", "balanced", "small"}) {
    const auto mix = std::ranges::find(mixes, kv, &TierMix::kv);
    ASSERT_NE(mix, mixes.end()) << kv;
    EXPECT_EQ(mix->tiers, parse_policy(kv).tiers) << kv;
    EXPECT_EQ(mix->shares.size(), 90u) << "30 layers of 3 KV heads";
  }
}

}  // namespace
}  // namespace leankv
