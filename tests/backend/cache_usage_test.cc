// The bytes of a sequence, counted by hand.
#include "backend/cache_usage.h"

#include <gtest/gtest.h>

#include "backend/recode.h"

namespace leankv {
namespace {

constexpr CacheShape kShape{1, 2, 1, 64};
constexpr TierId kTiersOfForecast[] = {TierId::kK8V8, TierId::kK4V4, TierId::kK3V2};  // pages of 1,088 bytes

// 20 tokens in 2 heads: tokens 0 to 15 of head 0 go to K4V4, those of head 1 are pruned, the last 4 stay fresh.
CacheUsage judged_usage() {
  KvCache cache(kShape, kTiersOfForecast, 1 << 20, 1);
  Policy policy = forecast_policy(4);
  const SequenceCache lease = *cache.admit(policy, TierId::kK16V16);
  const BatchEntry entry{lease.slot(), 0, 20, 0};
  EXPECT_TRUE(cache.extend({&entry, 1}));
  HeadThresholds second, none;
  second.tiers = none.tiers = 3;
  for (auto& floors : second.floor) floors[0] = floors[2] = HeadThresholds::kNever;
  for (auto& floors : none.floor) floors[0] = floors[1] = floors[2] = HeadThresholds::kNever;
  ThreadPool threads(1);
  recode(cache, threads, {lease.slot(), 4, TierId::kK8V8, {second, none}});
  return usage_of(cache, lease.slot());
}

TEST(CacheUsageTest, CountsPagesTokensAndTables) {
  const CacheUsage usage = judged_usage();
  EXPECT_EQ(usage.tokens, 20);
  EXPECT_EQ(usage.bytes_16bit, 20 * 2 * 64 * 2 * 2);  // tokens, heads, channels, key and value, bytes
  // Head 0: one page of 16 K4V4 tokens and one of K8V8 with 4 of 8. Head 1: the latter only.
  EXPECT_EQ(usage.page_bytes, 3 * 1088);
  EXPECT_EQ(usage.head_bytes, (std::vector<int64_t>{2 * 1088, 1088}));
  EXPECT_EQ(usage.pruned, 16);
  EXPECT_EQ(usage.tiers[int(TierId::kK4V4)].tokens, 16);
  EXPECT_EQ(usage.tiers[int(TierId::kK4V4)].pages, 1);
  EXPECT_EQ(usage.tiers[int(TierId::kK8V8)].tokens, 8);
  EXPECT_EQ(usage.tiers[int(TierId::kK8V8)].pages, 2);
  EXPECT_EQ(usage.tiers[int(TierId::kK16V16)].tokens, 0);
  EXPECT_EQ(usage.code_bytes, 16 * 64 + 8 * 128);
  // Each head: 4 lists of a 4-byte count, 7 costs in double, 2 x 8 points in float; 4 bytes for each page. No rows
  // passed through append, so there is no mean key.
  EXPECT_EQ(usage.table_bytes, 2 * (4 * 4 + 7 * 8 + 16 * 4) + 3 * 4);
  EXPECT_EQ(usage.bytes(), usage.page_bytes + usage.table_bytes);
  EXPECT_DOUBLE_EQ(usage.ratio(), 10240.0 / (3264 + 284));
  EXPECT_DOUBLE_EQ(usage.nominal_ratio(), 10240.0 / 2048);
}

TEST(CacheUsageTest, AMeanKeyCountsForEveryPolicyThatHasOne) {
  KvCache cache(kShape, kTiersOfForecast, 1 << 20, 2);
  const SequenceCache uniform = *cache.admit(uniform_policy(TierId::kK8V8), TierId::kK8V8);
  const int64_t before = fixed_table_bytes(cache.state(uniform.slot()));
  for (HeadMemory& memory : cache.state(uniform.slot()).memory) memory.key_mean.resize(64);
  EXPECT_EQ(fixed_table_bytes(cache.state(uniform.slot())), before + 2 * 64 * 2);
}

TEST(CacheUsageTest, AnEmptySequenceHasNoRatio) {
  KvCache cache(kShape, kTiersOfForecast, 1 << 20, 1);
  const SequenceCache lease = *cache.admit(off_policy(), TierId::kK16V16);
  const CacheUsage usage = usage_of(cache, lease.slot());
  EXPECT_EQ(usage.bytes_16bit, 0);
  EXPECT_EQ(usage.page_bytes, 0);
  EXPECT_EQ(usage.ratio(), 0);
  EXPECT_EQ(usage.nominal_ratio(), 0);
}

}  // namespace
}  // namespace leankv
