#include <gtest/gtest.h>

#include <algorithm>

#include "app/bench/synthetic.h"
#include "backend/cache_usage.h"
#include "backend/judgement.h"
#include "kv/page_view.h"

namespace leankv {
namespace {

constexpr CacheShape kShape{2, 2, 3, 64};
constexpr int64_t kPool = 8 << 20;

TEST(FillSynthetic, GivesEachHeadItsSharesOfTokens) {
  const Policy policy = parse_policy("safe");
  KvCache cache(kShape, policy.tiers, kPool, 1);
  std::optional<SequenceCache> lease = cache.admit(policy, TierId::kK8V8);
  const std::vector<std::vector<double>> shares{{0.5, 0.25, 0.125}, {0.1, 0, 0}};
  ASSERT_TRUE(fill_synthetic(cache, lease->slot(), 1000, shares));
  cache.check_integrity();
  const auto tokens = [&](int head, int list) {
    return cache.state(lease->slot()).heads[std::size_t(head)].tokens[list];
  };
  for (int head : {0, 2}) {
    EXPECT_EQ(tokens(head, kFreshList), uint32_t(policy.window));
    EXPECT_EQ(tokens(head, 1), 500u - uint32_t(policy.window));
    EXPECT_EQ(tokens(head, 2), 250u);
    EXPECT_EQ(tokens(head, 3), 125u);
  }
  EXPECT_EQ(tokens(1, kFreshList) + tokens(1, 1), 100u);
  EXPECT_EQ(tokens(3, 2), 0u);
  EXPECT_EQ(usage_of(cache, lease->slot()).tokens, 1000);
}

TEST(FillSynthetic, LeavesASequenceThatReviewsGoOnFrom) {
  const Policy policy = parse_policy("safe");
  KvCache cache(kShape, policy.tiers, kPool, 1);
  std::optional<SequenceCache> lease = cache.admit(policy, TierId::kK8V8);
  const std::vector<std::vector<double>> shares{{0.35, 0.34, 0.13}};
  ASSERT_TRUE(fill_synthetic(cache, lease->slot(), 2000, shares));
  const SequenceState& state = cache.state(lease->slot());
  EXPECT_FALSE(state.gathering());
  EXPECT_FALSE(review_due(state));
  ThreadPool threads(1);
  review(cache, threads, lease->slot(), kNoLimit);
  cache.check_integrity();
  const CacheUsage usage = usage_of(cache, lease->slot());
  EXPECT_LE(double(usage.bytes()), double(usage.bytes_16bit) / policy.ratio);
  EXPECT_LT(usage.pruned, usage.tokens * kShape.heads() * 9 / 10) << "a review near the target leaves most as it is";
}

TEST(FillSynthetic, FillsTheFreshListOfPoliciesThatDoNotJudge) {
  for (const char* name : {"off", "K8V8", "q8_0:q8_0"}) {
    const Policy policy = parse_policy(name);
    KvCache cache(kShape, policy.tiers, kPool, 1);
    std::optional<SequenceCache> lease = cache.admit(policy, policy.tiers.front());
    ASSERT_TRUE(fill_synthetic(cache, lease->slot(), 300, {}));
    cache.check_integrity();
    const CacheUsage usage = usage_of(cache, lease->slot());
    EXPECT_EQ(usage.tiers[std::size_t(policy.tiers.front())].tokens, 300 * kShape.heads()) << name;
  }
}

TEST(FillSynthetic, FillsPagesThatDecodeToNumbers) {
  const Policy policy = parse_policy("K4V4");
  KvCache cache(kShape, policy.tiers, kPool, 1);
  std::optional<SequenceCache> lease = cache.admit(policy, TierId::kK4V4);
  ASSERT_TRUE(fill_synthetic(cache, lease->slot(), 100, {}));
  const PageView page(cache.layout(TierId::kK4V4), cache.page(cache.head(lease->slot(), 1, 1).bag.front().page()));
  float x[64];
  page.decode_key(0, x);
  EXPECT_TRUE(std::ranges::any_of(x, [](float v) { return v > 0; }));
  EXPECT_TRUE(std::ranges::any_of(x, [](float v) { return v < 0; }));
  EXPECT_TRUE(std::ranges::all_of(x, [](float v) { return v > -10 && v < 10; })) << "rows of unit variance";
}

TEST(FillSynthetic, ChangesNothingWhereThePoolIsTooSmall) {
  KvCache cache(kShape, off_policy().tiers, 1 << 20, 1);
  std::optional<SequenceCache> lease = cache.admit(off_policy(), TierId::kK16V16);
  EXPECT_FALSE(fill_synthetic(cache, lease->slot(), 100000, {}));
  EXPECT_EQ(cache.used_pages(), 0u);
  EXPECT_EQ(cache.state(lease->slot()).tokens, 0);
  cache.check_integrity();
}

}  // namespace
}  // namespace leankv
