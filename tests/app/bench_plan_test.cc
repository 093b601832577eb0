#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/bench/lane.h"
#include "app/bench/memory_plan.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

constexpr CacheShape kShape{30, 3, 3, 64};
constexpr DepthNeed kNeed{4096, 512, true};
constexpr int64_t kPlenty = int64_t(1) << 40;

TEST(BenchPlan, ReadsCachesWithSettings) {
  const std::vector<BenchCase> cases = parse_bench_cases("off,forecast+ratio=5,K8V8", 64);
  ASSERT_EQ(cases.size(), 3u);
  EXPECT_EQ(cases[1].name, "forecast+ratio=5");
  EXPECT_EQ(cases[1].policy.ratio, 5);
  EXPECT_EQ(cases[2].policy.kind, PolicyKind::kUniform);
  EXPECT_THROW(parse_bench_cases("", 64), Error);
  EXPECT_THROW(parse_bench_cases("of", 64), Error);
}

TEST(BenchPlan, SmallerCachesNeedLessAndMoreSequencesMore) {
  const auto bytes = [](const char* kv, int batch) { return bench_pool_bytes(kShape, parse_policy(kv), kNeed, batch); };
  EXPECT_LT(bytes("small", 16), bytes("safe", 16));
  EXPECT_LT(bytes("safe", 16), bytes("off", 16));
  EXPECT_LT(bytes("safe", 1), bytes("safe", 16));
  // Of 16 sequences at 16 bit each takes what its tokens take.
  EXPECT_GT(bytes("off", 16) - bytes("off", 8), 8 * 4096 * kShape.bytes_per_token_16bit());
}

TEST(BenchPlan, MeasuresEverythingWhereMemoryIsPlenty) {
  const std::vector<BenchCase> cases = parse_bench_cases("off,small", 64);
  const std::vector<CasePlan> plans = plan_depth(kShape, cases, std::vector{1, 4}, kNeed, kPlenty);
  for (const CasePlan& plan : plans) {
    EXPECT_THAT(plan.batches, ElementsAre(1, 4));
    EXPECT_TRUE(plan.skipped.empty());
  }
  EXPECT_EQ(plans[0].pool_bytes, bench_pool_bytes(kShape, cases[0].policy, kNeed, 4));
}

TEST(BenchPlan, SkipsWhatDoesNotFitBesideTheOthersAndSaysWhy) {
  const std::vector<BenchCase> cases = parse_bench_cases("off,small", 64);
  const int64_t room =
      bench_pool_bytes(kShape, cases[0].policy, kNeed, 1) + bench_pool_bytes(kShape, cases[1].policy, kNeed, 16);
  const std::vector<CasePlan> plans = plan_depth(kShape, cases, std::vector{1, 16}, kNeed, room);
  EXPECT_THAT(plans[0].batches, ElementsAre(1));
  EXPECT_THAT(plans[1].batches, ElementsAre(1, 16));
  ASSERT_EQ(plans[0].skipped.size(), 1u);
  EXPECT_EQ(plans[0].skipped[0].first, 16);
  EXPECT_THAT(plans[0].skipped[0].second, HasSubstr("GiB"));
  EXPECT_EQ(plan_depth(kShape, cases, std::vector{1}, kNeed, 0)[1].most(), 0);
}

TEST(LaneTime, SharesSumToOne) {
  LaneTime time;
  time.step_seconds = 3, time.settle_seconds = 1;
  time.phase_seconds = {1, 0.25, 0.5, 0.125};  // linear, append, attention with observation, observation
  time += time;
  const PhaseShares s = time.shares();
  EXPECT_EQ(s.linear, 0.25);
  EXPECT_EQ(s.attention, 0.09375);
  EXPECT_EQ(s.observation, 0.03125);
  EXPECT_EQ(s.judgement, 0.25);
  EXPECT_EQ(s.linear + s.append + s.attention + s.observation + s.judgement + s.rest, 1);
}

}  // namespace
}  // namespace leankv
