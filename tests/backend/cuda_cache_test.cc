// Pages and tables on a device against those on the host: the same steps on two caches, equal page ids, counts and
// bytes of pages. Rows are invented on the host and carried over, so that only memory management is at work.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "backend/append.h"
#include "backend/cuda/device_cache.h"
#include "backend/judgement.h"
#include "backend/observation.h"
#include "backend/recode.h"
#include "kv/page_view.h"
#include "simt/test_device.h"

namespace leankv {
namespace {

using simt::kOrders;
using simt::Order;

constexpr CacheShape kShape{2, 3, 2, 48};
constexpr int kSlots = 3, kMostTokens = 2000;

std::vector<TierId> all_tiers() {
  std::vector<TierId> tiers;
  for (const Tier& t : kTiers) tiers.push_back(t.id);
  return tiers;
}

Policy six_tiers() {
  Policy policy = forecast_policy(4);
  policy.tiers = {TierId::kK8V8, TierId::kK8V4, TierId::kK4V4, TierId::kK4V2, TierId::kK3V2, TierId::kK2V2};
  policy.recent = 16, policy.minimum_tokens = 44, policy.pin = 3;
  return policy;
}

// A cache on the host and one on a device that are given the same to do.
class TwoCaches {
 public:
  explicit TwoCaches(Device& device, unsigned seed = 1)
      : device_(device),
        host_(kShape, all_tiers(), 5 << 20, kSlots),
        other_(kShape, all_tiers(), 5 << 20, kSlots, std::make_unique<DeviceCache>(device_, kMostTokens)),
        random_(seed) {}

  KvCache& host() { return host_; }
  KvCache& other() { return other_; }
  DeviceCache& keeper() { return static_cast<DeviceCache&>(*other_.keeper()); }
  Device& device() { return device_; }

  struct Lease {
    SequenceCache host, other;
    SlotId slot() const { return host.slot(); }
  };
  Lease admit(const Policy& policy, TierId fresh) {
    Lease lease{*host_.admit(policy, fresh), *other_.admit(policy, fresh)};
    LEANKV_CHECK(lease.host.slot() == lease.other.slot());
    return lease;
  }
  Lease copy(const Lease& from) { return {*host_.copy(from.slot()), *other_.copy(from.slot())}; }

  // New rows of random content; significance of the forecast's kind where the sequence judges.
  void feed(const Lease& lease, int rows) {
    const BatchEntry entry{lease.slot(), 0, rows, host_.state(lease.slot()).tokens};
    ASSERT_TRUE(host_.extend({&entry, 1}));
    ASSERT_TRUE(other_.extend({&entry, 1}));
    for (int layer = 0; layer < kShape.layers; ++layer) {
      for (int h = 0; h < kShape.kv_heads; ++h) append(entry, layer, h);
    }
    carry_over();
  }
  // The host's bytes, which only have a meaning where the pages are the same.
  void carry_over() {
    device_.wait();
    std::memcpy(other_.page(0), host_.page(0), std::size_t(host_.ring().capacity()) * std::size_t(host_.page_bytes()));
  }
  void invent_significance(const Lease& lease) {
    const SequenceState& state = host_.state(lease.slot());
    for (const HeadTable& head : state.heads) {
      host_.for_each_page(lease.slot(), head, [&](int, const PageLayout& layout, PageId id, int tokens) {
        PageView page(layout, host_.page(id));
        for (int t = 0; t < tokens; ++t) {
          const int units = random_() % 8 == 0 ? kPinned : int(random_() % 9);
          page.set_significance(t, make_significance(int(random_() % 4096), units));
        }
      });
    }
    carry_over();
  }

  // Tables equal, and the bytes of every page that is held.
  void expect_equal(const Lease& lease) {
    const SequenceState &a = host_.state(lease.slot()), &b = other_.state(lease.slot());
    other_.fetch(lease.slot());
    EXPECT_EQ(a.tokens, b.tokens);
    EXPECT_EQ(a.list_tier, b.list_tier);
    for (std::size_t h = 0; h < a.heads.size(); ++h) {
      ASSERT_EQ(a.heads[h].tokens, b.heads[h].tokens) << "head " << h;
      for (int list = 0; list < a.lists(); ++list) {
        ASSERT_EQ(a.heads[h].pages_of(list), b.heads[h].pages_of(list)) << "head " << h << " list " << list;
      }
      expect_equal_rows(lease.slot(), a.heads[h], int(h));
    }
    EXPECT_EQ(host_.ring().free(), other_.ring().free());
    EXPECT_EQ(host_.pages_of(lease.slot()), other_.pages_of(lease.slot()));
    host_.check_integrity();
    other_.check_integrity();
  }

 private:
  void append(const BatchEntry& entry, int layer, int head) {
    std::normal_distribution<float> normal;
    std::vector<float> k(std::size_t(entry.rows) * kShape.head_dim), v(k.size());
    for (float& x : k) x = normal(random_);
    for (float& x : v) x = normal(random_);
    append_head(host_, entry, layer, head, {k.data(), entry.rows, kShape.head_dim},
                {v.data(), entry.rows, kShape.head_dim});
  }
  void expect_equal_rows(SlotId slot, const HeadTable& head, int h) {
    host_.for_each_page(slot, head, [&](int list, const PageLayout& layout, PageId id, int tokens) {
      const PageView a(layout, host_.page(id)), b(layout, other_.page(id));
      for (int t = 0; t < tokens; ++t) {
        StoredRow x, y;
        a.read_key(t, x), b.read_key(t, y);
        ASSERT_TRUE(std::equal(x.codes, x.codes + layout.head_dim, y.codes)) << h << " " << list << " " << t;
        ASSERT_TRUE(std::equal(x.scales, x.scales + layout.key_scale_bytes, y.scales));
        a.read_value(t, x), b.read_value(t, y);
        ASSERT_TRUE(std::equal(x.codes, x.codes + layout.head_dim, y.codes)) << h << " " << list << " " << t;
        ASSERT_TRUE(std::equal(x.scales, x.scales + layout.value_scale_bytes, y.scales));
        ASSERT_EQ(a.significance(t), b.significance(t)) << h << " " << list << " " << t;
      }
    });
  }

  Device& device_;
  KvCache host_, other_;
  std::mt19937 random_;
};

// Thresholds under which a token falls from any tier to any worse one, differing by head.
std::vector<HeadThresholds> falling(int tiers, std::mt19937& random) {
  std::vector<HeadThresholds> all(std::size_t(kShape.heads()));
  for (HeadThresholds& one : all) {
    one.tiers = tiers;
    for (auto& floors : one.floor) {
      int floor = 4096;
      for (int i = 0; i < tiers; ++i)
        floors[i] = uint16_t(floor -= int(random() % unsigned(2 * floor / (tiers - i + 1))));
    }
  }
  return all;
}

class CudaCacheTest : public ::testing::TestWithParam<Order> {
 protected:
  void SetUp() override {
    if (device_ == nullptr) GTEST_SKIP() << "no GPU here";
  }
  std::unique_ptr<Device> device_ = simt::test_device(GetParam());
};

TEST_P(CudaCacheTest, SimtExtendCopyAndReleaseTakeTheSamePages) {
  TwoCaches caches(*device_);
  auto first = std::optional(caches.admit(off_policy(), TierId::kK16V16));
  auto second = std::optional(caches.admit(uniform_policy(TierId::kQ4Q4), TierId::kQ4Q4));
  for (const int rows : {37, 1, 1, 70}) {
    caches.feed(*first, rows);
    caches.feed(*second, rows + 3);
  }
  caches.expect_equal(*first);
  caches.expect_equal(*second);
  auto third = std::optional(caches.copy(*second));
  caches.expect_equal(*third);
  first.reset();
  caches.feed(*third, 9);
  caches.expect_equal(*third);
  first = caches.admit(off_policy(), TierId::kK16V16);
  caches.feed(*first, 5);
  caches.expect_equal(*first);
  second.reset(), third.reset(), first.reset();
  EXPECT_EQ(caches.other().used_pages(), 0u);
  caches.other().check_integrity();
}

TEST_P(CudaCacheTest, SimtExtendTellsWhenThePoolIsExhausted) {
  TwoCaches caches(*device_);
  std::vector<TwoCaches::Lease> leases;
  bool fits = true;
  for (int i = 0; i < kSlots; ++i) {
    leases.push_back(caches.admit(off_policy(), TierId::kK16V16));
    const BatchEntry entry{leases.back().slot(), 0, 1990, 0};
    fits = caches.host().extend({&entry, 1});
    EXPECT_EQ(caches.other().extend({&entry, 1}), fits);
  }
  EXPECT_FALSE(fits);
  caches.carry_over();
  for (const auto& lease : leases) caches.expect_equal(lease);
}

TEST_P(CudaCacheTest, SimtRecodeMovesTheSameTokensToTheSamePlaces) {
  TwoCaches caches(*device_);
  std::mt19937 random(7);
  ThreadPool threads(1);
  const auto lease = caches.admit(six_tiers(), TierId::kK16V16);
  caches.host().state(lease.slot()).statistics.clear();
  caches.other().state(lease.slot()).statistics.clear();
  DeviceArray<HeadThresholds> on_device(caches.device(), std::size_t(kShape.heads()));
  for (const auto& [rows, keep] : {std::pair(150, 16), {30, 20}, {1, 63}, {90, 0}, {70, 9}, {3, 1000}, {300, 30}}) {
    caches.feed(lease, rows);
    caches.invent_significance(lease);
    const std::vector<HeadThresholds> thresholds = falling(6, random);
    caches.device().upload(on_device.data(), thresholds.data(), thresholds.size() * sizeof(HeadThresholds));
    recode(caches.host(), threads, {lease.slot(), keep, TierId::kK8V8, thresholds});
    caches.keeper().recode({lease.slot(), keep, TierId::kK8V8, kQueryUnit * kMaxQueryUnits, on_device.data()});
    caches.expect_equal(lease);
  }
}

TEST_P(CudaCacheTest, SimtUniformSequencesAreConverted) {
  TwoCaches caches(*device_);
  ThreadPool threads(1);
  const auto lease = caches.admit(uniform_policy(TierId::kK3V2), TierId::kK16V16);
  caches.feed(lease, 77);
  judge(caches.host(), threads, {lease.slot(), {}});
  judge(caches.other(), threads, {lease.slot(), {}});
  caches.expect_equal(lease);
}

// Once the sequence is gathered no more, a review chooses from stored significance alone.
TEST_P(CudaCacheTest, SimtReviewsChooseTheSame) {
  for (Policy policy : {six_tiers(), paper_policy()}) {
    policy.pin = 3;
    TwoCaches caches(*device_, 3);
    std::mt19937 random(11);
    ThreadPool threads(1);
    const auto lease = caches.admit(policy, TierId::kK16V16);
    SequenceState &a = caches.host().state(lease.slot()), &b = caches.other().state(lease.slot());
    a.statistics.clear(), b.statistics.clear();
    std::vector<HeadConstants> constants(std::size_t(kShape.heads()));
    std::vector<Curve> curves(constants.size());
    for (std::size_t h = 0; h < constants.size(); ++h) {
      double cost = 1e-4;
      for (std::size_t i = 0; i <= policy.tiers.size(); ++i)
        constants[h].cost[i] = cost *= 1.5 + double(random() % 100) / 40;
      for (int i = 0; i < kCurvePoints; ++i) {
        curves[h].log_past[i] = float(i) - 14 + float(random() % 100) / 100;
        curves[h].log_future[i] = 0.8f * float(i) - 13 + float(random() % 70) / 100;
      }
      a.memory[h].constants = constants[h], a.memory[h].curve = curves[h];
    }
    caches.keeper().set_constants(lease.slot(), constants, curves);
    for (const int64_t limit : {kNoLimit, int64_t(200000), int64_t(60000), int64_t(1)}) {
      caches.feed(lease, 160);
      caches.invent_significance(lease);
      review(caches.host(), threads, lease.slot(), limit);
      review(caches.other(), threads, lease.slot(), limit);
      EXPECT_EQ(a.last_review, b.last_review);
      caches.expect_equal(lease);
      EXPECT_EQ(a.lambda, b.lambda);
    }
  }
}

// What a review takes and gives is learned when somebody asks, or when it must be known whether another one may follow.
TEST_P(CudaCacheTest, SimtReviewsDoNotWait) {
  TwoCaches caches(*device_, 7);
  ThreadPool threads(1);
  std::vector<TwoCaches::Lease> leases;
  for (int i = 0; i < kSlots; ++i) {
    leases.push_back(caches.admit(paper_policy(), TierId::kK16V16));
    for (KvCache* cache : {&caches.host(), &caches.other()}) cache->state(leases.back().slot()).statistics.clear();
    caches.feed(leases.back(), 100 + 30 * i);
    caches.invent_significance(leases.back());
  }
  const uint64_t waits = device_->waits();
  const auto review_all = [&](int64_t limit) {
    for (const TwoCaches::Lease& lease : leases) {
      if (!caches.other().can_judge() || device_->waits() > waits) return false;
      review(caches.host(), threads, lease.slot(), limit);
      review(caches.other(), threads, lease.slot(), limit);
    }
    return true;
  };
  EXPECT_TRUE(review_all(60000));
  EXPECT_EQ(device_->waits(), waits);
  int more = 0;
  while (review_all(60000 - 500 * more)) ASSERT_LT(++more, 200);
  EXPECT_GT(more, 3);
  EXPECT_EQ(device_->waits(), waits + 1);  // there might have been too few free pages; there are not
  EXPECT_TRUE(caches.other().can_judge());
  for (const TwoCaches::Lease& lease : leases) caches.expect_equal(lease);
}

// Sequences come, grow, are copied, lowered and go, in any order; after each step the two sides hold the same.
TEST_P(CudaCacheTest, SimtRandomSchedulesKeepTheSidesEqual) {
  TwoCaches caches(*device_, 5);
  std::mt19937 random(GetParam() == Order::kForward ? 23 : 29);
  ThreadPool threads(1);
  const Policy policies[] = {off_policy(), uniform_policy(TierId::kQ8Q4), six_tiers(), paper_policy()};
  DeviceArray<HeadThresholds> on_device(caches.device(), std::size_t(kShape.heads()));
  std::vector<std::optional<TwoCaches::Lease>> leases(kSlots);
  for (int i = 0; i < 60; ++i) {
    std::optional<TwoCaches::Lease>& lease = leases[random() % kSlots];
    if (!lease) {
      const auto& other = leases[random() % kSlots];
      const Policy& policy = policies[random() % std::size(policies)];
      lease = other && random() % 2 == 0 ? caches.copy(*other) : caches.admit(policy, policy.tiers.front());
      caches.host().state(lease->slot()).statistics.clear(), caches.other().state(lease->slot()).statistics.clear();
    } else if (random() % 5 == 0) {
      lease.reset();
      continue;
    }
    if (caches.host().state(lease->slot()).tokens < 500) caches.feed(*lease, 1 + int(random() % 90));
    const SequenceState& state = caches.host().state(lease->slot());
    if (state.policy.judges() && random() % 2 == 0) {
      caches.invent_significance(*lease);
      const std::vector<HeadThresholds> thresholds = falling(int(state.policy.tiers.size()), random);
      caches.device().upload(on_device.data(), thresholds.data(), thresholds.size() * sizeof(HeadThresholds));
      const int keep = int(random() % 40);
      recode(caches.host(), threads, {lease->slot(), keep, state.policy.tiers.front(), thresholds});
      caches.keeper().recode(
          {lease->slot(), keep, state.policy.tiers.front(), kQueryUnit * kMaxQueryUnits, on_device.data()});
    }
    caches.expect_equal(*lease);
  }
  leases.clear();
  EXPECT_EQ(caches.other().used_pages(), 0u);
  caches.other().check_integrity();
}

// What memory management must never leave behind stops the process.
TEST_P(CudaCacheTest, SimtIntegrityFindsWhatIsBroken) {
  if (device_->name() != "emulated") GTEST_SKIP() << "a child of this process has no GPU";
  TwoCaches caches(*device_);
  const auto lease = caches.admit(off_policy(), TierId::kK16V16);
  caches.feed(lease, 50);
  const CacheTables& tables = caches.keeper().tables();
  const auto broken = [&](auto& what, auto value) {
    const auto before = what;
    what = value;
    EXPECT_DEATH(caches.other().check_integrity(), "check_integrity");
    what = before;
  };
  PageId* row = tables.row(lease.slot(), 0);
  broken(row[0], row[1]);                                                              // held twice, another one lost
  broken(row[0], tables.capacity);                                                     // no page
  broken(tables.head(lease.slot(), 0).tokens[kFreshList], 51u + 4u);                   // more tokens than pages
  broken(tables.head(lease.slot(), 2).pages, tables.head(lease.slot(), 2).pages - 1);  // a page that nobody holds
  broken(tables.ring[caches.other().ring().first() % tables.capacity], row[0]);        // free and held
  caches.other().check_integrity();
}

INSTANTIATE_TEST_SUITE_P(Orders, CudaCacheTest, ::testing::ValuesIn(kOrders), [](const auto& one) {
  return std::string(one.param == Order::kForward ? "Forward" : one.param == Order::kReversed ? "Reversed" : "Random");
});

}  // namespace
}  // namespace leankv
