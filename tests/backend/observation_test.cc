// What attention and its observation must conserve, and which queries count as what.
#include "backend/observation.h"

#include <gtest/gtest.h>

#include <numeric>

#include "backend/cache_test_support.h"
#include "backend/judgement.h"

namespace leankv::testing {
namespace {

constexpr CacheShape kShape{1, 2, 1, 32};
constexpr int kTokens = 70;

class ObservationTest : public ::testing::TestWithParam<OpsCase> {
 protected:
  explicit ObservationTest() : cache_(kShape, paper_policy().tiers, 8 << 20, 1), ops_(GetParam().make(threads_)) {}

  std::vector<float> feed(SlotId slot, const LayerInputs& in) {
    Batch batch;
    batch.add(slot, std::vector<int>(std::size_t(in.rows), 0), cache_.state(slot).tokens);
    return run_step(cache_, *ops_, batch, in);
  }

  ThreadPool threads_{2};
  KvCache cache_;
  std::unique_ptr<CacheOps> ops_;
  std::mt19937 random_{3};
};

// Probabilities sum to 1: attention over equal values returns that value. Each of the up to 70 products and the
// division by the sum round once, numerator and denominator alike.
TEST_P(ObservationTest, EqualValuesComeBack) {
  const SequenceCache lease = *cache_.admit(off_policy(), TierId::kK16V16);
  LayerInputs in = random_inputs(kShape, kTokens, random_);
  std::ranges::fill(in.v, 0.7109375f);  // a half
  for (const float x : feed(lease.slot(), in)) EXPECT_NEAR(x, 0.7109375, 0.7109375 * (2 * kTokens + 4) * kFloatUnit);
}

// With one query head per KV head the paper's observation is the probability itself: every query gives out 1. Sums of
// up to 70 rows and 70 tokens, as above.
TEST_P(ObservationTest, EveryQueryGivesOutOne) {
  Policy policy = paper_policy();
  policy.recent = 30;
  const SequenceCache lease = *cache_.admit(policy, TierId::kK16V16);
  cache_.state(lease.slot()).judge_after(kTokens);
  feed(lease.slot(), random_inputs(kShape, 33, random_));
  feed(lease.slot(), random_inputs(kShape, kTokens - 33, random_));
  for (const HeadStatistics& s : cache_.state(lease.slot()).statistics) {
    const double slack = 4 * kTokens * kFloatUnit;
    EXPECT_NEAR(std::accumulate(s.older.begin(), s.older.end(), 0.0), 40, 40 * slack);
    EXPECT_NEAR(std::accumulate(s.recent.begin(), s.recent.end(), 0.0), 30, 30 * slack);
    ASSERT_EQ(s.recent.size(), std::size_t(kTokens));
    EXPECT_GT(s.recent.back(), 0);
    for (int t = 40; t < int(s.older.size()); ++t) EXPECT_EQ(s.older[t], 0) << "a token that older queries cannot see";
  }
}

INSTANTIATE_TEST_SUITE_P(Ops, ObservationTest, ::testing::ValuesIn(all_ops()),
                         [](const auto& one) { return one.param.name(); });

SequenceState state_with(int recent) {
  SequenceState state;
  state.policy = forecast_policy(4);
  state.policy.recent = recent;
  state.statistics.resize(1);
  return state;
}

TEST(ObservationPlan, QueriesAreOlderThenRecent) {
  SequenceState state = state_with(100);
  state.judge_after(1000);
  EXPECT_EQ(observation_of(state, 899), Observe::kOlder);
  EXPECT_EQ(observation_of(state, 900), Observe::kRecent);
  state.judge_after(50);  // shorter than what is recent
  EXPECT_EQ(observation_of(state, 0), Observe::kRecent);
}

// A judgement that is brought forward must not count a query twice, nor under another name than it was gathered.
TEST(ObservationPlan, ABroughtForwardJudgementKeepsWhatWasGathered) {
  SequenceState state = state_with(100);
  state.judge_after(1000);
  state.tokens = 500;
  state.judge_after(550);  // queries up to 500 are gathered as older ones
  EXPECT_EQ(state.recent_from, 500);
  state.judge_after(1000);
  state.tokens = 940;
  state.judge_after(960);  // those from 900 are gathered as recent
  EXPECT_EQ(state.recent_from, 900);
  state.tokens = state.last_review = 960;  // judged: gathered anew
  state.judge_after(1100);
  EXPECT_EQ(state.recent_from, 1000);
}

TEST(ObservationPlan, DecodeSamples) {
  SequenceState state = state_with(100);
  state.statistics.clear();
  state.policy.sample_interval = 8;
  EXPECT_EQ(observation_of(state, 16), Observe::kRecent);
  EXPECT_EQ(observation_of(state, 17), Observe::kNot);
  state.policy.kind = PolicyKind::kUniform;
  EXPECT_EQ(observation_of(state, 16), Observe::kNot);
}

}  // namespace
}  // namespace leankv::testing
