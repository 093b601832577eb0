// What attention and its observation must conserve, and which queries count as what.
#include "backend/observation.h"

#include <gtest/gtest.h>

#include <numeric>

#include "backend/append.h"
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
// division by the sum round once, numerator and denominator alike; weights are half a step of the largest / 32767 or of
// their sum / 261000 off.
TEST_P(ObservationTest, EqualValuesComeBack) {
  const SequenceCache lease = *cache_.admit(off_policy(), TierId::kK16V16);
  LayerInputs in = random_inputs(kShape, kTokens, random_);
  std::ranges::fill(in.v, 0.7109375f);  // a half
  const double share = (2 * kTokens + 4) * kFloatUnit + kTokens / 58000.0;
  for (const float x : feed(lease.slot(), in)) EXPECT_NEAR(x, 0.7109375, 0.7109375 * share);
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
    constexpr int kQueries[kWindows] = {10, 23, 7, 23, 7};  // 70 = 10 + 30 + 30, each 30 with its last quarter apart
    for (int w = 0, end = 0; w < kWindows; ++w) {
      end += kQueries[w];
      EXPECT_NEAR(std::accumulate(s.seen[w].begin(), s.seen[w].end(), 0.0), kQueries[w], kQueries[w] * slack) << w;
      for (int t = end; t < int(s.seen[w].size()); ++t) EXPECT_EQ(s.seen[w][t], 0) << "a token of the future";
    }
    ASSERT_EQ(s.seen[kWindows - 1].size(), std::size_t(kTokens));
    EXPECT_GT(s.seen[kWindows - 1].back(), 0);
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

TEST(ObservationPlan, QueriesCountByHowLongBeforeTheJudgementTheyCome) {
  SequenceState state = state_with(100);
  state.judge_after(1000);
  const int first[] = {0, 800, 875, 900, 975};
  for (int w = 0; w < kWindows; ++w) {
    EXPECT_EQ(observation_of(state, first[w]), w);
    EXPECT_EQ(observation_of(state, std::max(0, first[w] - 1)), std::max(0, w - 1));
    EXPECT_EQ(state.windows.queries(w, 0, 1000), (w + 1 < kWindows ? first[w + 1] : 1000) - first[w]);
    EXPECT_EQ(state.windows.queries(w, 890, 1000), w < 2 ? 0 : w == 2 ? 10 : 75 - 50 * (w - 3));
  }
  EXPECT_TRUE(state.windows.complete(1000));
  state.judge_after(50);  // a short one: a quarter stands for the future
  EXPECT_EQ(state.recent_from(), 38);
  state.policy.kind = PolicyKind::kPaper;
  state.judge_after(50);
  EXPECT_EQ(state.recent_from(), 0);
  EXPECT_FALSE(state.windows.complete(50));
}

// A judgement that is brought forward must not count a query twice, nor under another name than it was gathered.
TEST(ObservationPlan, ABroughtForwardJudgementKeepsWhatWasGathered) {
  SequenceState state = state_with(100);
  state.judge_after(1000);
  state.tokens = 500;
  state.judge_after(550);  // queries up to 500 are gathered as the oldest
  EXPECT_EQ(state.recent_from(), 500);
  EXPECT_FALSE(state.windows.complete(550));  // there are none just before the recent ones
  state.judge_after(1000);
  state.tokens = 940;
  state.judge_after(960);  // those from 900 are gathered as recent
  EXPECT_EQ(state.recent_from(), 900);
  EXPECT_EQ(state.windows.from[1], 800);
  state.tokens = state.last_review = 960;  // judged: gathered anew
  state.judge_after(1100);
  EXPECT_EQ(state.recent_from(), 1000);
}

TEST(ObservationPlan, DecodeSamples) {
  SequenceState state = state_with(100);
  state.statistics.clear();
  state.policy.sample_interval = 8;
  EXPECT_EQ(observation_of(state, 16), kDecodeWindow);
  EXPECT_EQ(observation_of(state, 17), kNotObserved);
  state.policy.kind = PolicyKind::kUniform;
  EXPECT_EQ(observation_of(state, 16), kNotObserved);
}

// Feeds tokens of which every query sees each with the same share.
void feed_even_attention(KvCache& cache, SlotId slot, int rows, float share, std::mt19937& random) {
  const SequenceState& state = cache.state(slot);
  const BatchEntry entry{slot, 0, rows, state.tokens};
  Batch batch;
  batch.add(slot, std::vector<int>(std::size_t(rows), 0), state.tokens);
  ASSERT_TRUE(cache.extend({&entry, 1}));
  const int columns = cache.shape().head_dim;
  const std::vector<float> x = random_floats(std::size_t(rows) * columns, random), y = random_floats(x.size(), random);
  gather_residual(cache, batch, 0, {x.data(), rows, columns});
  append_head(cache, entry, 0, 0, {x.data(), rows, columns}, {y.data(), rows, columns});
  const HeadTable& head = cache.head(slot, 0, 0);
  Observation seen;
  for (int r = 0; r < rows; ++r) {
    std::vector<float>& sums = seen.seen[observation_of(state, entry.position + r)];
    sums.resize(std::size_t(head.total_tokens()));
    for (int t = 0; t < head.total_tokens() - (rows - 1 - r); ++t) sums[t] += share;
  }
  record(cache, entry, 0, 0, {&seen, 1});
  gather_outputs(cache, entry, 0, 0, {x.data(), rows, columns}, {y.data(), rows, columns});
}

// However a prompt's judgements are cut, the mean of equal observations is that observation: of judged tokens, of those
// that stayed in an earlier window, of new ones.
TEST(Observation, EarlyJudgementsForgetNothing) {
  Policy policy = forecast_policy(0);
  policy.lambda = 0;  // nothing is worth lowering
  policy.recent = 16;
  KvCache cache({1, 1, 1, 16}, policy.tiers, 1 << 20, 1);
  ThreadPool threads(1);
  std::mt19937 random(4);
  const SequenceCache lease = *cache.admit(policy, TierId::kK16V16);
  const double energy = 1;
  for (const int judge_at : {70, 130, 200}) {
    SequenceState& state = cache.state(lease.slot());
    state.judge_after(judge_at);
    while (state.tokens < judge_at) feed_even_attention(cache, lease.slot(), 10, 0x1p-10f, random);
    judge(cache, threads,
          {lease.slot(), {&energy, 1}, kNoLimit, judge_at < 200 ? Gathering::kContinue : Gathering::kEnd});
    const std::vector<StoredToken> stored = stored_tokens(cache, lease.slot(), 0, 0);
    EXPECT_EQ(stored.size(), std::size_t(judge_at));
    for (const StoredToken& token : stored) {  // 2^-10 is a level, and sums of it are exact
      EXPECT_EQ(significance_level(token.significance), nearest_level(0x1p-10f)) << "list " << token.list;
    }
  }
}

}  // namespace
}  // namespace leankv::testing
