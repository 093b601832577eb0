// Append and attention of the CUDA backend against the reference: the same steps on a cache on the host and on one on
// an (emulated) device, several sequences of different policies in each step, all tiers mixed in the heads. Stored rows
// and pages equal, outputs within a bound, significance within a level.
#include <gtest/gtest.h>

#include <random>

#include "backend/cuda/cache_ops.h"
#include "backend/judgement.h"
#include "backend/observation.h"
#include "backend/recode.h"
#include "backend/reference/cache_ops.h"
#include "base/half.h"
#include "kv/page_view.h"
#include "simt/test_device.h"

namespace leankv {
namespace {

using simt::Order;

std::vector<TierId> all_tiers() {
  std::vector<TierId> tiers;
  for (const Tier& t : kTiers) tiers.push_back(t.id);
  return tiers;
}

Policy six_tiers() {
  Policy policy = forecast_policy(4);
  policy.tiers = {TierId::kK8V8, TierId::kK8V4, TierId::kK4V4, TierId::kK4V2, TierId::kK3V2, TierId::kK2V2};
  policy.pin = 2, policy.sample_interval = 2;
  return policy;
}

Policy every_row_seen(Policy policy) {
  policy.sample_interval = 1;
  return policy;
}

double length(const float* x, int n) {
  double sum = 0;
  for (int c = 0; c < n; ++c) sum += double(x[c]) * x[c];
  return std::sqrt(sum);
}

// A reference cache and one on a device that are given the same to do; layer 0 of one.
class TwoSides {
 public:
  TwoSides(Device& device, CacheShape shape, std::vector<Policy> policies, std::vector<Curve> prior = {})
      : shape_(shape),
        policies_(std::move(policies)),
        device_(device),
        inputs_(device_),
        ops_(device_, inputs_, 1000),
        host_(shape, all_tiers(), 8 << 20, int(policies_.size()), nullptr, prior),
        other_(shape, all_tiers(), 8 << 20, int(policies_.size()), ops_.make_keeper(), prior) {
    for (const Policy& policy : policies_) {
      host_leases_.push_back(*host_.admit(policy, TierId::kK16V16));
      other_leases_.push_back(*other_.admit(policy, TierId::kK16V16));
    }
  }
  KvCache& host() { return host_; }
  KvCache& other() { return other_; }
  SlotId slot(std::size_t i) const { return host_leases_[i].slot(); }
  // As after the judgement of a prompt.
  void stop_gathering() {
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      host_.state(slot(i)).statistics.clear();
      other_.state(slot(i)).statistics.clear();
    }
  }
  void judge_after(int tokens) {
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      host_.state(slot(i)).judge_after(tokens);
      other_.state(slot(i)).judge_after(tokens);
    }
  }

  // The next rows of every sequence in one step, on both sides. Outputs are compared.
  void step(const std::vector<int>& rows) {
    Batch batch;
    for (std::size_t i = 0; i < rows.size(); ++i) {
      if (rows[i] > 0) batch.add(slot(i), std::vector<int>(std::size_t(rows[i]), 0), host_.state(slot(i)).tokens);
    }
    const int n = batch.rows(), keys = shape_.kv_heads * shape_.head_dim;
    const std::vector<float> q = random_rows(n * keys * shape_.group), k = random_rows(n * keys),
                             v = random_rows(n * keys);
    std::vector<float> expected(q.size()), actual(q.size(), -1);
    const std::vector<float> x(std::size_t(n) * 8, 1.5f);
    const auto run = [&](KvCache& cache, CacheOps& ops, const float* xs, const float* qs, const float* ks,
                         const float* vs, float* out) {
      LEANKV_CHECK(cache.extend(batch.entries));
      gather_residual(cache, batch, 0, {xs, n, 8});
      ops.append(cache, batch, 0, {ks, n, keys}, {vs, n, keys});
      ops.attend(cache, batch, 0, {qs, n, keys * shape_.group}, {out, n, keys * shape_.group});
    };
    run(host_, reference_, x.data(), q.data(), k.data(), v.data(), expected.data());
    const auto uploaded = [&](const std::vector<float>& values) {
      DeviceArray<float> on_device(device_, values.size());
      device_.upload(on_device.data(), values.data(), values.size() * sizeof(float));
      return on_device;
    };
    const DeviceArray<float> dx = uploaded(x), dq = uploaded(q), dk = uploaded(k), dv = uploaded(v),
                             out = uploaded(actual);
    run(other_, ops_, dx.data(), dq.data(), dk.data(), dv.data(), out.data());
    device_.download(actual.data(), out.data(), actual.size() * sizeof(float));
    for (std::size_t i = 0; i < q.size(); i += std::size_t(shape_.head_dim)) {
      longest_query_ = std::max(longest_query_, length(&q[i], shape_.head_dim));
    }
    const double most = bound();
    for (std::size_t i = 0; i < actual.size(); ++i) ASSERT_NEAR(actual[i], expected[i], most) << i;
  }

  void expect_equal_contents() {
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      SCOPED_TRACE("sequence " + std::to_string(i));
      other_.fetch(slot(i));
      const SequenceState &a = host_.state(slot(i)), &b = other_.state(slot(i));
      for (std::size_t h = 0; h < a.heads.size(); ++h) {
        ASSERT_EQ(a.heads[h].tokens, b.heads[h].tokens);
        ASSERT_EQ(a.memory[h].key_mean, b.memory[h].key_mean);
        for (int list = 0; list < a.lists(); ++list) ASSERT_EQ(a.heads[h].pages_of(list), b.heads[h].pages_of(list));
        host_.for_each_page(slot(i), a.heads[h], [&](int list, const PageLayout& layout, PageId id, int tokens) {
          for (int t = 0; t < tokens; ++t) expect_equal_token(layout, id, t, list);
        });
      }
    }
    other_.check_integrity();
  }
  CacheShape shape() const { return shape_; }
  void lower() {
    ThreadPool threads(1);
    auto& keeper = static_cast<DeviceCache&>(*other_.keeper());
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      const Policy& policy = policies_[i];
      if (policy.kind == PolicyKind::kOff) continue;
      HeadThresholds thresholds;
      thresholds.tiers = int(policy.tiers.size());
      for (auto& floors : thresholds.floor) {
        for (int t = 0; t < thresholds.tiers; ++t) floors[t] = uint16_t(4096 - 4096 * (t + 1) / (thresholds.tiers + 1));
      }
      if (policy.judges()) invent_significance(slot(i));
      const int keep = policy.judges() ? 14 : host_.state(slot(i)).tokens;
      const std::vector<HeadThresholds> all(std::size_t(shape_.heads()), thresholds);
      DeviceArray<HeadThresholds> on_device(device_, all.size());
      device_.upload(on_device.data(), all.data(), all.size() * sizeof(HeadThresholds));
      recode(host_, threads, {slot(i), keep, policy.tiers.front(), all});
      keeper.recode({slot(i), keep, policy.tiers.front(), kQueryUnit * kMaxQueryUnits, on_device.data()});
    }
  }

 private:
  std::vector<float> random_rows(int n) {
    std::normal_distribution<float> normal;
    std::vector<float> x(std::size_t(n), 0.0f);
    for (float& value : x) value = half_to_float(float_to_half(normal(random_)));
    return x;
  }
  // The same in both caches, which hold the same rows on the same pages.
  void invent_significance(SlotId slot) {
    other_.fetch(slot);
    for (std::size_t h = 0; h < host_.state(slot).heads.size(); ++h) {
      host_.for_each_page(slot, host_.state(slot).heads[h], [&](int, const PageLayout& layout, PageId id, int tokens) {
        for (int t = 0; t < tokens; ++t) {
          const uint16_t bits = make_significance(int(random_() % 4096), 0);
          PageView(layout, host_.page(id)).set_significance(t, bits);
          PageView(layout, other_.page(id)).set_significance(t, bits);
        }
      });
    }
  }
  void expect_equal_token(const PageLayout& layout, PageId id, int t, int list) {
    const PageView a(layout, host_.page(id)), b(layout, other_.page(id));
    StoredRow x, y;
    a.read_key(t, x), b.read_key(t, y);
    ASSERT_TRUE(std::equal(x.codes, x.codes + layout.head_dim, y.codes)) << "list " << list << " token " << t;
    ASSERT_TRUE(std::equal(x.scales, x.scales + layout.key_scale_bytes, y.scales));
    a.read_value(t, x), b.read_value(t, y);
    ASSERT_TRUE(std::equal(x.codes, x.codes + layout.head_dim, y.codes)) << "list " << list << " token " << t;
    ASSERT_TRUE(std::equal(x.scales, x.scales + layout.value_scale_bytes, y.scales));
    // An update is rounded up or down by a dither: float arithmetic may tip it where the exact mean lies at its edge.
    ASSERT_NEAR(significance_level(a.significance(t)), significance_level(b.significance(t)), 1) << "list " << list;
    ASSERT_EQ(a.significance(t) & 15, b.significance(t) & 15);
  }

  // A logit is at most L = max|q| max|k| / sqrt(d) in magnitude. Its d products, the rotation of the query and its two
  // halves (2^-22) round less than d + 20 times: relative to a probability e = (d + 20) L float units, twice for
  // numerator and denominator. Sums over T tokens, the exponentials, the merging and the rotation back round T + 60
  // times. A weight is a half: 2^-11 of itself, or 2^-25 / kWeightScale where it is subnormal. An output is an average
  // of values, so no further off than that share of the longest value.
  double bound() {
    const double d = shape_.head_dim;
    double key = 0, value = 0, tokens = 0;
    for (std::size_t i = 0; i < policies_.size(); ++i) {
      for (const HeadTable& head : host_.state(slot(i)).heads) {
        tokens = std::max(tokens, double(head.total_tokens()));
        host_.for_each_page(slot(i), head, [&](int, const PageLayout& layout, PageId id, int n) {
          std::vector<float> x(std::size_t(layout.head_dim), 0.0f);
          for (int t = 0; t < n; ++t) {
            PageView page(layout, host_.page(id));
            page.decode_key(t, x.data());
            key = std::max(key, length(x.data(), layout.head_dim));
            page.decode_value(t, x.data());
            value = std::max(value, length(x.data(), layout.head_dim));
          }
        });
      }
    }
    const double logit = longest_query_ * key / std::sqrt(d);
    const double share = (2 * (d + 20) * logit + tokens + 60) * 0x1p-24 + 0x1p-11 + tokens * 0x1p-25;
    EXPECT_LT(share, 0.003);  // else the bound would say little
    return value * share;
  }

  CacheShape shape_;
  std::vector<Policy> policies_;
  Device& device_;
  StepInputs inputs_;
  CudaCacheOps ops_;
  ReferenceCacheOps reference_;
  KvCache host_, other_;
  std::vector<SequenceCache> host_leases_, other_leases_;
  std::mt19937 random_{17};
  double longest_query_ = 0;
};

struct Case {
  int head_dim, group;
  Order order;
};

class CudaAttentionTest : public ::testing::TestWithParam<Case> {
 protected:
  void SetUp() override {
    if (device_ == nullptr) GTEST_SKIP() << "no GPU here";
  }
  std::unique_ptr<Device> device_ = simt::test_device(GetParam().order);
};

TEST_P(CudaAttentionTest, SimtEqualsTheReference) {
  const CacheShape shape{1, 2, GetParam().group, GetParam().head_dim};
  TwoSides sides(*device_, shape,
                 {off_policy(), six_tiers(), every_row_seen(paper_policy()), uniform_policy(TierId::kQ8Q8),
                  uniform_policy(TierId::kQ8Q4), uniform_policy(TierId::kQ4Q4)});
  sides.stop_gathering();
  sides.step({29, 71, 40, 17, 5, 18});
  sides.expect_equal_contents();
  sides.lower();
  sides.expect_equal_contents();
  sides.step({1, 12, 1, 3, 35, 1});
  sides.expect_equal_contents();
  sides.step({2, 1, 9, 1, 1, 0});
  sides.step({1, 1, 1, 1, 1, 1});
  sides.expect_equal_contents();
}

// What a prompt shows, and the judgement that follows from it.
TEST_P(CudaAttentionTest, SimtPromptsAreJudgedAlike) {
  const CacheShape shape{1, 2, GetParam().group, GetParam().head_dim};
  Policy forecast = forecast_policy(5), paper = paper_policy();
  forecast.recent = 24, forecast.minimum_tokens = 60, paper.recent = 20;
  TwoSides sides(*device_, shape, {forecast, paper});
  sides.judge_after(74);
  for (const int rows : {40, 1, 20, 13}) sides.step({rows, rows});
  ThreadPool threads(1);
  const std::vector<double> energy(2, 0.75);
  for (const std::size_t i : {0, 1}) {
    const SlotId slot = sides.slot(i);
    judge(sides.host(), threads, {slot, energy});
    judge(sides.other(), threads, {slot, energy});
    sides.other().fetch(slot);
    const SequenceState &a = sides.host().state(slot), &b = sides.other().state(slot);
    for (int h = 0; h < shape.heads(); ++h) {
      if (i == 0) {
        for (std::size_t t = 0; t <= forecast.tiers.size(); ++t) {
          EXPECT_NEAR(b.memory[h].constants.cost[t], a.memory[h].constants.cost[t],
                      1e-4 * a.memory[h].constants.cost[t]);
        }
      }
      int held = 0, differ = 0;
      for (int list = 0; list < a.lists(); ++list) {
        held += int(a.heads[h].tokens[list]);
        differ += std::abs(int(a.heads[h].tokens[list]) - int(b.heads[h].tokens[list]));
      }
      EXPECT_GE(held, 16);                    // the window
      EXPECT_LE(differ, 4) << "of " << held;  // float sums decide at a threshold
    }
  }
  sides.other().check_integrity();
}

// A prior that no attention can come to shows in the curves of both: 36 tokens leave it a share of 512 / 548, and what
// was seen is at least 10^-14.
TEST_P(CudaAttentionTest, SimtThePriorEntersTheCurve) {
  const CacheShape shape{1, 2, GetParam().group, GetParam().head_dim};
  Policy forecast = forecast_policy(5);
  forecast.recent = 24, forecast.minimum_tokens = 60;
  std::vector<Curve> prior(2);
  for (int h : {0, 1}) std::ranges::fill(prior[std::size_t(h)].log_future, 5.0f + float(h));
  TwoSides sides(*device_, shape, {forecast}, prior);
  sides.judge_after(74);
  for (const int rows : {40, 34}) sides.step({rows});
  ThreadPool threads(1);
  const std::vector<double> energy(2, 0.75);
  for (KvCache* cache : {&sides.host(), &sides.other()}) {
    judge(*cache, threads, {sides.slot(0), energy});
    cache->fetch(sides.slot(0));
    for (int h : {0, 1}) {
      for (const float y : cache->state(sides.slot(0)).memory[std::size_t(h)].curve.log_future) {
        EXPECT_LT(y, prior[std::size_t(h)].log_future[0]);
        EXPECT_GT(y, prior[std::size_t(h)].log_future[0] - (6 + 14) * 36.0 / 548);
      }
    }
  }
}

std::string name_of(const ::testing::TestParamInfo<Case>& one) {
  return std::to_string(one.param.head_dim) + "_" + std::to_string(one.param.group);
}

INSTANTIATE_TEST_SUITE_P(Shapes, CudaAttentionTest,
                         ::testing::Values(Case{16, 1, Order::kForward}, Case{48, 3, Order::kReversed},
                                           Case{64, 3, Order::kRandom}, Case{96, 4, Order::kReversed},
                                           Case{128, 8, Order::kForward}, Case{192, 2, Order::kRandom},
                                           Case{256, 7, Order::kReversed}, Case{64, 16, Order::kForward},
                                           Case{64, 12, Order::kRandom}),
                         name_of);

}  // namespace
}  // namespace leankv
