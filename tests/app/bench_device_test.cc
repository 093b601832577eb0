// Caches that no prompt has filled, on a device: the same pages, counts and choices as on the host.
#include <gtest/gtest.h>

#include "app/bench/device_kernels.h"
#include "app/bench/synthetic.h"
#include "backend/cuda/cache_ops.h"
#include "backend/judgement.h"
#include "kv/page_view.h"
#include "simt/emulated_device.h"

namespace leankv {
namespace {

constexpr CacheShape kShape{2, 2, 3, 64};
constexpr int64_t kPool = 8 << 20;

void expect_equal(const KvCache& a, const KvCache& b, SlotId slot) {
  b.fetch(slot);
  for (int h = 0; h < kShape.heads(); ++h) {
    const HeadTable &x = a.state(slot).heads[std::size_t(h)], &y = b.state(slot).heads[std::size_t(h)];
    ASSERT_EQ(x.tokens, y.tokens) << h;
    for (int list = 0; list < a.state(slot).lists(); ++list) ASSERT_EQ(x.pages_of(list), y.pages_of(list)) << h;
    a.for_each_page(slot, x, [&](int, const PageLayout& layout, PageId id, int tokens) {
      const PageView p(layout, const_cast<std::byte*>(a.page(id))), q(layout, const_cast<std::byte*>(b.page(id)));
      for (int t = 0; t < tokens; ++t) {
        StoredRow k, l;
        p.read_key(t, k), q.read_key(t, l);
        ASSERT_TRUE(std::equal(k.codes, k.codes + layout.head_dim, l.codes));
        ASSERT_EQ(p.significance(t), q.significance(t));
      }
    });
  }
}

TEST(FillSyntheticOnADevice, SimtIsAsOnTheHost) {
  const std::vector<std::vector<double>> shares{{0.5, 0.25, 0.125}, {0.1, 0, 0}};
  for (const char* name : {"safe", "off", "K8V4"}) {
    const Policy policy = parse_policy(name);
    simt::EmulatedDevice device;
    StepInputs inputs(device);
    CudaCacheOps ops(device, inputs, 2000);
    KvCache host(kShape, policy.tiers, kPool, 2), other(kShape, policy.tiers, kPool, 2, ops.make_keeper());
    const TierId best = policy.tiers.front();
    const SequenceCache a = *host.admit(policy, best), b = *other.admit(policy, best);
    ASSERT_TRUE(fill_synthetic(host, a.slot(), 1000, shares));
    ASSERT_TRUE(fill_synthetic(other, b.slot(), 1000, shares));
    expect_equal(host, other, b.slot());
    other.check_integrity();
    EXPECT_EQ(host.used_pages(), other.used_pages());

    const SequenceCache c = *host.copy(a.slot()), d = *other.copy(b.slot());
    expect_equal(host, other, d.slot());
    if (!policy.judges()) continue;
    ThreadPool threads(1);
    review(host, threads, c.slot(), kNoLimit);
    review(other, threads, d.slot(), kNoLimit);
    expect_equal(host, other, d.slot());
    other.check_integrity();
  }
}

TEST(FillSyntheticOnADevice, SimtCopiesAreMeasured) {
  simt::EmulatedDevice device;
  StepInputs inputs(device);
  EXPECT_GT(*CudaCacheOps(device, inputs, 100).measure_copy_peak(), 0);
}

TEST(DeviceKernels, SimtAreMeasuredAtEveryPoint) {
  simt::EmulatedDevice device;
  KernelPlan plan;
  plan.attention = plan.memory = kShape;
  for (const char* name : {"off", "safe"}) plan.cases.push_back({name, parse_policy(name)});
  plan.depths = {600}, plan.batches = {2, 1 << 20}, plan.repeat = 1;
  plan.sequences = 3, plan.memory_depth = 600, plan.memory_steps = 2, plan.vocabulary = 700;
  const nlohmann::ordered_json json = measure_device_kernels(device, plan);
  EXPECT_GT(json["copy_gb_s"], 0);
  ASSERT_EQ(json["attention"].size(), 4u);
  EXPECT_EQ(json["attention"][0]["bytes"], 600 * kShape.bytes_per_token_16bit() * 2);
  EXPECT_GT(json["attention"][0]["gb_s"], 0);
  EXPECT_TRUE(json["attention"][1].contains("skipped")) << "a million sequences do not fit";
  EXPECT_LT(json["attention"][2]["bytes"], json["attention"][0]["bytes"]);
  EXPECT_EQ(json["memory"]["sequences"], 3);
  EXPECT_GT(json["memory"]["extend_ms"], 0);
  EXPECT_GT(json["memory"]["review_ms"], 0);
  EXPECT_EQ(json["draw"]["vocabulary"], 700);
  for (const char* name : {"best_ms", "default_ms", "all_ms"}) EXPECT_GT(json["draw"][name], 0) << name;
}

}  // namespace
}  // namespace leankv
