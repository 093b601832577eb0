// The cache against a naive model under random work, and its contracts one by one.
#include "backend/kv_cache.h"

#include <gtest/gtest.h>

#include <cstring>

#include "backend/judgement.h"
#include "backend/kv_cache_model.h"
#include "kv/page_view.h"

namespace leankv::testing {
namespace {

struct RandomChoice {
  std::mt19937 random;
  int operator()(int n) { return int(random() % unsigned(n)); }
};

class KvCacheModelTest : public ::testing::TestWithParam<CacheShape> {};

TEST_P(KvCacheModelTest, HoldsWhatTheModelHolds) {
  int judgements = 0;
  for (unsigned seed = 0; seed < 4; ++seed) {
    RandomChoice next{std::mt19937(seed)};
    KvCacheExercise exercise(GetParam(), next);
    for (int i = 0; i < 150; ++i) exercise.step();
    judgements += exercise.judgements();
    exercise.drop_all();
    exercise.cache().check_integrity();
    EXPECT_EQ(exercise.cache().used_pages(), 0u);
  }
  EXPECT_GT(judgements, 20);
}

INSTANTIATE_TEST_SUITE_P(Shapes, KvCacheModelTest,
                         ::testing::Values(CacheShape{2, 2, 1, 16}, CacheShape{2, 3, 2, 48}, CacheShape{2, 2, 3, 64}),
                         [](const auto& shape) { return "HeadDim" + std::to_string(shape.param.head_dim); });

constexpr CacheShape kShape{2, 2, 2, 64};
constexpr int64_t kMegabyte = 1 << 20;

TEST(KvCacheTest, PagesAreCountedByHeadAndGivenBackWithTheLease) {
  const TierId tiers[] = {TierId::kK8V8, TierId::kK4V4, TierId::kK3V2};  // pages of 1,088 bytes: 4 tokens of K16V16
  KvCache cache(kShape, tiers, kMegabyte, 2);
  ASSERT_EQ(cache.page_bytes(), 1088);
  std::optional<SequenceCache> a = cache.admit(off_policy(), TierId::kK16V16);
  EXPECT_EQ(cache.pages_to_extend(a->slot(), 4), 4u);
  EXPECT_EQ(cache.pages_to_extend(a->slot(), 5), 8u);
  const BatchEntry entry{a->slot(), 0, 5, 0};
  ASSERT_TRUE(cache.extend({&entry, 1}));
  EXPECT_EQ(cache.used_pages(), 8u);
  EXPECT_EQ(cache.pages_to_extend(a->slot(), 3), 0u);
  std::optional<SequenceCache> b = cache.admit(off_policy(), TierId::kK8V8);
  EXPECT_EQ(cache.pages_to_extend(b->slot(), 8), 4u);
  EXPECT_FALSE(cache.admit(off_policy(), TierId::kK8V8).has_value());
  *a = std::move(*b);  // the leases change places
  b.reset();
  EXPECT_EQ(cache.used_pages(), 0u);
  EXPECT_EQ(cache.high_water_bytes(), 8 * 1088);
  EXPECT_TRUE(cache.admit(off_policy(), TierId::kK8V8).has_value());
}

TEST(KvCacheTest, AFailedExtensionChangesNothing) {
  const TierId tiers[] = {TierId::kK16V16};
  KvCache cache(kShape, tiers, kMegabyte, 1);
  const SequenceCache lease = *cache.admit(off_policy(), TierId::kK16V16);
  const int most = int(cache.appendable_pages()) / kShape.heads() * cache.layout(TierId::kK16V16).tokens;
  const BatchEntry too_many{lease.slot(), 0, most + 1, 0}, all{lease.slot(), 0, most, 0};
  EXPECT_FALSE(cache.extend({&too_many, 1}));
  EXPECT_EQ(cache.used_pages(), 0u);
  EXPECT_EQ(cache.state(lease.slot()).tokens, 0);
  EXPECT_TRUE(cache.extend({&all, 1}));
  EXPECT_GE(cache.ring().free(), cache.reserve_pages());
  cache.check_integrity();
}

TEST(KvCacheTest, ACopyHoldsTheSameInPagesOfItsOwn) {
  const TierId tiers[] = {TierId::kK8V8, TierId::kK4V4};
  KvCache cache(kShape, tiers, kMegabyte, 3);
  const Policy policy = parse_policy("tiers=K8V8/K4V4,ratio=3");
  std::optional<SequenceCache> original = cache.admit(policy, TierId::kK8V8);
  const BatchEntry entry{original->slot(), 0, 20, 0};
  ASSERT_TRUE(cache.extend({&entry, 1}));
  std::mt19937 random(3);
  for (const HeadTable& head : cache.state(original->slot()).heads) {
    for (const PageRef ref : head.bag) {
      for (int i = 0; i < cache.page_bytes(); ++i) cache.page(ref.page())[i] = std::byte(random());
    }
  }
  cache.state(original->slot()).statistics[1].seen[0] = {1, 2};
  const uint32_t used = cache.used_pages();
  std::optional<SequenceCache> copy = cache.copy(original->slot());
  cache.check_integrity();
  EXPECT_EQ(cache.used_pages(), 2 * used);
  const SequenceState &a = cache.state(original->slot()), &b = cache.state(copy->slot());
  EXPECT_EQ(a.tokens, b.tokens);
  EXPECT_EQ(b.statistics[1].seen[0], a.statistics[1].seen[0]);
  for (std::size_t h = 0; h < a.heads.size(); ++h) {
    ASSERT_EQ(a.heads[h].tokens, b.heads[h].tokens);
    for (std::size_t i = 0; i < a.heads[h].bag.size(); ++i) {
      const PageRef from = a.heads[h].bag[i], to = b.heads[h].bag[i];
      EXPECT_EQ(from.list(), to.list());
      EXPECT_EQ(std::memcmp(cache.page(from.page()), cache.page(to.page()), std::size_t(cache.page_bytes())), 0);
    }
  }
  original.reset();
  EXPECT_EQ(cache.used_pages(), used);
  cache.check_integrity();
}

// Prompts pass through at 16 bits, so a page always takes them, however small the tiers' own pages would be.
TEST(KvCacheTest, EveryTierAloneHasRoomForSixteenBits) {
  for (const Tier& t : kTiers) {
    for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 16) {
      KvCache cache({1, 1, 1, head_dim}, {&t.id, 1}, 4 * kMegabyte, 1);
      EXPECT_TRUE(cache.holds(t.id)) << t.name << ' ' << head_dim;
      EXPECT_TRUE(cache.holds(TierId::kK16V16)) << t.name << ' ' << head_dim;
    }
  }
}

// Fresh tokens fill whole pages of a full pool; then one token of each head is pinned and goes to a list that it opens.
TEST(KvCacheTest, TheReserveTakesAPageOfEveryHead) {
  const CacheShape shape{60, 1, 1, 64};
  const Policy policy = parse_policy("ratio=4,pin=1");
  const int64_t page_bytes = KvCache::page_bytes_for(policy.tiers, shape.head_dim);
  const int tokens = kQueryUnit, pages_per_head = tokens / 8;  // of K8V8
  KvCache cache(shape, policy.tiers, (pages_per_head * shape.heads() + KvCache::reserve_pages(shape)) * page_bytes, 1);
  const SequenceCache lease = *cache.admit(policy, TierId::kK8V8);
  const BatchEntry entry{lease.slot(), 0, tokens, 0};
  ASSERT_TRUE(cache.extend({&entry, 1}));
  ASSERT_EQ(cache.appendable_pages(), 0u);
  SequenceState& state = cache.state(lease.slot());
  state.statistics.clear();  // as after the first judgement
  for (const HeadTable& head : state.heads) {
    for (const PageRef ref : head.bag) {
      PageView page(cache.layout(TierId::kK8V8), cache.page(ref.page()));
      for (int t = 0; t < 8; ++t) page.set_significance(t, make_significance(0, kPinned));
    }
  }
  ThreadPool threads(1);
  review(cache, threads, lease.slot(), 0);
  cache.check_integrity();
  EXPECT_EQ(cache.used_pages(), uint32_t((pages_per_head + 1) * shape.heads()));
}

ErrorKind kind_of_failure(CacheShape shape, int64_t pool_bytes) {
  const TierId tiers[] = {TierId::kK8V8};
  try {
    KvCache cache(shape, tiers, pool_bytes, 1);
  } catch (const Error& error) {
    return error.kind();
  }
  ADD_FAILURE() << "no error for head_dim " << shape.head_dim << " and " << pool_bytes << " bytes";
  return ErrorKind::kBadFile;
}

TEST(KvCacheTest, RefusesWhatItCannotHold) {
  EXPECT_EQ(kind_of_failure({1, 1, 1, 72}, kMegabyte), ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of_failure({1, 1, 1, 272}, kMegabyte), ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of_failure({1, 1, 1, 0}, kMegabyte), ErrorKind::kUnsupported);
  EXPECT_EQ(kind_of_failure({1, 1, 1, 64}, 1000), ErrorKind::kDoesNotFit);
}

}  // namespace
}  // namespace leankv::testing
