// What append stores: the transformed rows, encoded, in order; the mean key; the sums of the values.
#include "backend/append.h"

#include <gtest/gtest.h>

#include "backend/cache_test_support.h"
#include "kv/hadamard.h"

namespace leankv::testing {
namespace {

constexpr CacheShape kShape{1, 1, 1, 32};

struct Appended {
  std::vector<float> k, v;
  std::vector<StoredToken> stored;
  std::vector<uint16_t> key_mean;
  HeadStatistics statistics;
};

// `tokens` rows in chunks; values small enough that half loses nothing but its rounding.
Appended append(const Policy& policy, TierId fresh, int tokens, int chunk) {
  KvCache cache(kShape, policy.tiers, 8 << 20, 1);
  const SequenceCache lease = *cache.admit(policy, fresh);
  std::mt19937 random(1);
  Appended a{
      random_halves(std::size_t(tokens) * 32, random), random_halves(std::size_t(tokens) * 32, random), {}, {}, {}};
  for (float& x : a.k) x += 3;  // a mean worth subtracting
  for (int done = 0; done < tokens; done += chunk) {
    const BatchEntry entry{lease.slot(), 0, std::min(chunk, tokens - done), done};
    EXPECT_TRUE(cache.extend({&entry, 1}));
    append_head(cache, entry, 0, 0, {&a.k[std::size_t(done) * 32], entry.rows, 32},
                {&a.v[std::size_t(done) * 32], entry.rows, 32});
  }
  a.stored = stored_tokens(cache, lease.slot(), 0, 0);
  const SequenceState& state = cache.state(lease.slot());
  a.key_mean = state.memory[0].key_mean;
  if (state.gathering()) a.statistics = state.statistics[0];
  return a;
}

TEST(AppendTest, SixteenBitsKeepHalvesInOrder) {
  const Appended a = append(off_policy(), TierId::kK16V16, 23, 7);
  ASSERT_EQ(a.stored.size(), 23u);
  for (int t = 0; t < 23; ++t) {
    for (int c = 0; c < 32; ++c) {
      EXPECT_EQ(a.stored[t].key[c], half_to_float(float_to_half(a.k[t * 32 + c])));
      EXPECT_EQ(a.stored[t].value[c], a.v[t * 32 + c]);
    }
    EXPECT_EQ(a.stored[t].significance, 0);
  }
  EXPECT_TRUE(a.key_mean.empty());
}

TEST(AppendTest, RowsAreCentredThenRotated) {
  const Policy policy = forecast_policy(4);
  const Appended a = append(policy, TierId::kK16V16, 30, 20);
  ASSERT_EQ(a.key_mean.size(), 32u);
  for (int c = 0; c < 32; ++c) {  // over the first chunk, its first 4 tokens left out
    double mean = 0;
    for (int t = 4; t < 20; ++t) mean += a.k[t * 32 + c] / 16.0;
    // A rounding to half, and one to float before it.
    EXPECT_NEAR(half_to_float(a.key_mean[c]), mean, std::fabs(mean) * (kHalfUnit + kFloatUnit));
  }
  for (int t = 0; t < 30; ++t) {
    std::vector<float> key(a.k.begin() + t * 32, a.k.begin() + (t + 1) * 32),
        value(a.v.begin() + t * 32, a.v.begin() + (t + 1) * 32);
    for (int c = 0; c < 32; ++c) key[c] -= half_to_float(a.key_mean[c]);
    hadamard(key.data(), 32), hadamard(value.data(), 32);
    for (int c = 0; c < 32; ++c) {
      EXPECT_EQ(a.stored[t].key[c], half_to_float(float_to_half(key[c])));
      EXPECT_EQ(a.stored[t].value[c], half_to_float(float_to_half(value[c])));
    }
  }
}

TEST(AppendTest, ShortFirstChunkHasNoMean) {
  const Appended a = append(forecast_policy(4), TierId::kK16V16, 4, 4);
  EXPECT_EQ(a.key_mean, std::vector<uint16_t>(32, 0));
}

TEST(AppendTest, GathersTheValuesOfAllButTheFirstTokens) {
  const Appended a = append(forecast_policy(4), TierId::kK16V16, 30, 3);
  double energy = 0;
  for (int c = 0; c < 32; ++c) {
    double sum = 0;
    for (int t = 4; t < 30; ++t) sum += a.v[t * 32 + c], energy += double(a.v[t * 32 + c]) * a.v[t * 32 + c];
    EXPECT_DOUBLE_EQ(a.statistics.value_sum[c], sum);  // sums of halves are exact in double
  }
  EXPECT_NEAR(a.statistics.value_energy, energy, energy * 26 * 32 * 0x1p-53);  // one rounding for each addition
}

}  // namespace
}  // namespace leankv::testing
