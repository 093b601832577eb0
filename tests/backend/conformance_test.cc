// CpuCacheOps on every instruction set against ReferenceCacheOps: the same steps on two caches, several sequences of
// different policies in each step, all tiers mixed in the heads. Stored rows and pages equal, outputs within a bound.
#include <gtest/gtest.h>

#include "backend/cache_test_support.h"
#include "backend/recode.h"
#include "backend/stored_rows.h"

namespace leankv::testing {
namespace {

Policy six_tiers() {
  Policy policy = forecast_policy(4);
  policy.tiers = {TierId::kK8V8, TierId::kK8V4, TierId::kK4V4, TierId::kK4V2, TierId::kK3V2, TierId::kK2V2};
  return policy;
}

// One cache with one sequence per policy, and the operations that work on it.
class Side {
 public:
  static std::vector<Policy> policies() {
    return {off_policy(), six_tiers(), paper_policy(), uniform_policy(TierId::kQ8Q8), uniform_policy(TierId::kK4V4)};
  }

  Side(const OpsCase& ops, CacheShape shape)
      : shape_(shape), cache_(shape, all_tiers(), 32 << 20, 5), ops_(ops.make(threads_)) {
    for (const Policy& policy : policies()) {
      leases_.push_back(*cache_.admit(policy, TierId::kK16V16));
      cache_.state(leases_.back().slot()).statistics.clear();  // as after the judgement of a prompt
    }
  }

  // The next rows of every sequence in one step.
  std::vector<float> step(const std::vector<int>& rows, unsigned seed) {
    std::mt19937 random(seed);
    Batch batch;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      batch.add(slot(i), std::vector<int>(std::size_t(rows[i]), 0), cache_.state(slot(i)).tokens);
    }
    const LayerInputs in = random_inputs(shape_, batch.rows(), random);
    longest_query_ = longest(in.q, shape_.head_dim);
    return run_step(cache_, *ops_, batch, in);
  }

  // Spreads the tokens of each judging sequence over its tiers by invented significance; converts the uniform ones.
  void lower() {
    for (std::size_t i = 0; i < leases_.size(); ++i) {
      const SequenceState& state = cache_.state(slot(i));
      if (state.policy.kind == PolicyKind::kOff) continue;
      HeadThresholds thresholds;
      thresholds.tiers = int(state.policy.tiers.size());
      for (auto& floors : thresholds.floor) {
        for (int t = 0; t < thresholds.tiers; ++t) floors[t] = uint16_t(4096 - 4096 * (t + 1) / (thresholds.tiers + 1));
      }
      if (state.policy.judges()) invent_significance(slot(i));
      const int keep = state.policy.judges() ? 20 : state.tokens;
      recode(cache_, threads_, {slot(i), keep, state.policy.tiers.front(), {std::size_t(shape_.heads()), thresholds}});
    }
  }

  SlotId slot(std::size_t i) const { return leases_[i].slot(); }
  const KvCache& cache() const { return cache_; }
  double longest_query() const { return longest_query_; }
  static double longest(const std::vector<float>& rows, int head_dim) {
    double most = 0;
    for (std::size_t first = 0; first < rows.size(); first += std::size_t(head_dim)) {
      double sum = 0;
      for (int c = 0; c < head_dim; ++c) sum += double(rows[first + c]) * rows[first + c];
      most = std::max(most, std::sqrt(sum));
    }
    return most;
  }

 private:
  static std::vector<TierId> all_tiers() {
    std::vector<TierId> tiers;
    for (const Tier& t : kTiers) tiers.push_back(t.id);
    return tiers;
  }
  void invent_significance(SlotId slot) {
    std::mt19937 random(5);
    const PageLayout& layout = cache_.list_layout(slot, kFreshList);
    for (int h = 0; h < shape_.kv_heads; ++h) {
      cache_.head(slot, 0, h).for_each_page(kFreshList, layout.tokens, [&](PageId id, int tokens) {
        PageView page(layout, cache_.page(id));
        for (int t = 0; t < tokens; ++t) page.set_significance(t, make_significance(int(random() % 4096), 0));
      });
    }
  }

  CacheShape shape_;
  ThreadPool threads_{2};
  KvCache cache_;
  std::unique_ptr<CacheOps> ops_;
  std::vector<SequenceCache> leases_;
  double longest_query_ = 0;
};

// Both sides hold the same rows on the same pages. Significance: an update is rounded up or down by a dither, so float
// arithmetic may tip it by one level where the exact mean lies at the dither's edge.
void expect_equal_contents(const Side& a, const Side& b) {
  for (std::size_t i = 0; i < Side::policies().size(); ++i) {
    const SlotId slot = a.slot(i);
    for (int h = 0; h < a.cache().shape().heads(); ++h) {
      const HeadTable &left = a.cache().state(slot).heads[h], &right = b.cache().state(slot).heads[h];
      EXPECT_EQ(left.tokens, right.tokens);
      ASSERT_EQ(left.bag.size(), right.bag.size());
      for (std::size_t p = 0; p < left.bag.size(); ++p) {
        EXPECT_EQ(left.bag[p].page(), right.bag[p].page());
        EXPECT_EQ(left.bag[p].list(), right.bag[p].list());
      }
      for (int list = 0; list < a.cache().state(slot).lists(); ++list) {
        EXPECT_EQ(rows_of(a.cache(), slot, h, list), rows_of(b.cache(), slot, h, list)) << "list " << list;
      }
      const std::vector<StoredToken> l = stored_tokens(a.cache(), slot, 0, h), r = stored_tokens(b.cache(), slot, 0, h);
      for (std::size_t t = 0; t < l.size(); ++t) {
        EXPECT_NEAR(significance_level(l[t].significance), significance_level(r[t].significance), 1)
            << "sequence " << i << " token " << t;
        EXPECT_EQ(significance_units(l[t].significance), significance_units(r[t].significance));
      }
    }
  }
}

// A logit is at most L = max|q| max|k| / sqrt(d) in magnitude; its d products, the scaling and the rotation of the
// query (log2 d butterflies, at most 8) round less than d + 16 times: relative to a probability e = (d + 16) L units,
// twice for numerator and denominator. Sums over T tokens, the exponentials, the merging of segments and the rotation
// back round T + 40 times. An output is an average of values, so no further off than that share of the longest value.
// Single rows: integer queries are half a step of max|q| / 32639 off in each channel, so a logit by sqrt(d) L / 65278;
// integer weights half a step of the largest, so an output by T / 65278 of the longest value. Blocks of rows: queries
// and keys are half a step of at most 1 / 32767 of their length off, so a logit by 2 sqrt(d) L / 65534, values half a
// step of 1 / 8191, and T weights half a step of the largest / 32767 or of their sum / 261000.
double bound(const Side& side) {
  const double d = side.cache().shape().head_dim;
  double key = 0, value = 0, tokens = 0;
  for (std::size_t i = 0; i < Side::policies().size(); ++i) {
    for (int h = 0; h < side.cache().shape().heads(); ++h) {
      const std::vector<StoredToken> stored = stored_tokens(side.cache(), side.slot(i), 0, h);
      tokens = std::max(tokens, double(stored.size()));
      for (const StoredToken& token : stored) {
        key = std::max(key, Side::longest(token.key, int(d)));
        value = std::max(value, Side::longest(token.value, int(d)));
      }
    }
  }
  const double logit = side.longest_query() * key / std::sqrt(d);
  const double integers = (4 * std::sqrt(d) * logit + tokens) / 58000 + 1.0 / 16382;
  const double share = (2 * (d + 16) * logit + tokens + 40) * kFloatUnit + integers;
  EXPECT_LT(share, 0.04);  // else the bound would say little
  return value * share;
}

void expect_near(const std::vector<float>& actual, const std::vector<float>& expected, double most) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], most) << i;
}

struct Case {
  OpsCase ops;
  int head_dim, group;
};

class ConformanceTest : public ::testing::TestWithParam<Case> {};

TEST_P(ConformanceTest, EqualsTheReference) {
  const CacheShape shape{1, 2, GetParam().group, GetParam().head_dim};
  Side reference(OpsCase{}, shape), cpu(GetParam().ops, shape);
  const auto step = [&](const std::vector<int>& rows, unsigned seed) {
    const std::vector<float> expected = reference.step(rows, seed), actual = cpu.step(rows, seed);
    expect_near(actual, expected, bound(reference));
  };
  step({37, 110, 70, 33, 5}, 1);
  reference.lower(), cpu.lower();
  expect_equal_contents(reference, cpu);
  step({1, 40, 1, 3, 66}, 2);  // some cross a block of rows
  expect_equal_contents(reference, cpu);
  step({2, 1, 35, 1, 1}, 3);
  expect_equal_contents(reference, cpu);
  cpu.cache().check_integrity();
}

std::vector<Case> cases() {
  std::vector<Case> all;
  for (const OpsCase& ops : cpu_ops()) {
    for (const auto& [head_dim, group] :
         {std::pair(16, 1), {48, 3}, {64, 2}, {80, 5}, {96, 4}, {128, 8}, {256, 7}, {16, 6}}) {
      all.push_back({ops, head_dim, group});
    }
  }
  return all;
}

std::string name_of(const ::testing::TestParamInfo<Case>& one) {
  return one.param.ops.name() + "_" + std::to_string(one.param.head_dim) + "_" + std::to_string(one.param.group);
}

INSTANTIATE_TEST_SUITE_P(Isas, ConformanceTest, ::testing::ValuesIn(cases()), name_of);

}  // namespace
}  // namespace leankv::testing
