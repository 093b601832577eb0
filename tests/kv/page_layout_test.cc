#include "kv/page_layout.h"

#include <gtest/gtest.h>

#include <vector>

namespace leankv {
namespace {

constexpr int kPageSizes[] = {512, 1088, 2048, 4352, 8192};

// In order, without overlap, inside the page, and aligned for the loads of kernels.
constexpr bool sound(const PageLayout& p) {
  const int tile = tile_tokens(p.tier);
  if (p.tokens == 0) return p.used_bytes == 0;
  const int tiles = p.tokens / tile;
  return p.tokens % tile == 0 && p.key_codes == 0 && p.value_codes == p.key_codes + tiles * p.key_tile_bytes &&
         p.key_scales == p.value_codes + tiles * p.value_tile_bytes &&
         p.value_scales == p.key_scales + p.tokens * p.key_scale_bytes &&
         p.significance == p.value_scales + p.tokens * p.value_scale_bytes &&
         p.used_bytes == p.significance + p.tokens * kSignificanceBytes && p.used_bytes <= p.page_bytes &&
         p.used_bytes == p.tokens * bytes_per_token(p.tier, p.head_dim) &&
         p.page_bytes - p.used_bytes < tile * bytes_per_token(p.tier, p.head_dim) && p.key_tile_bytes % 16 == 0 &&
         p.value_tile_bytes % 16 == 0 && p.value_codes % 16 == 0 && p.key_scales % 2 == 0 && p.value_scales % 2 == 0 &&
         p.significance % kSignificanceBytes == 0;
}

constexpr bool all_sound() {
  for (const Tier& t : kTiers) {
    for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 16) {
      for (const int page_bytes : kPageSizes) {
        if (!sound(make_page_layout(t.id, head_dim, page_bytes))) return false;
      }
    }
  }
  return true;
}
static_assert(all_sound());

TEST(PageLayout, BytesPerTokenAtHeadDim64) {
  EXPECT_EQ(bytes_per_token(TierId::kK16V16, 64), 258);
  EXPECT_EQ(bytes_per_token(TierId::kK8V8, 64), 134);
  EXPECT_EQ(bytes_per_token(TierId::kK4V4, 64), 68);
  EXPECT_EQ(bytes_per_token(TierId::kK3V2, 64), 44);
  EXPECT_EQ(bytes_per_token(TierId::kQ8Q8, 64), 138);
}

TEST(PageLayout, IndicesOfATileAreAPermutation) {
  for (const int tile : {4, 8}) {
    const int head_dim = 48;
    std::vector<int> keys(std::size_t(tile * head_dim), 0), values = keys;
    for (int t = 0; t < tile; ++t) {
      for (int c = 0; c < head_dim; ++c) {
        ++keys[key_index(tile, t, c)];
        ++values[value_index(head_dim, t, c)];
      }
    }
    EXPECT_EQ(keys, std::vector<int>(keys.size(), 1));
    EXPECT_EQ(values, std::vector<int>(values.size(), 1));
  }
  EXPECT_EQ(key_index(8, 3, 6), (1 * 8 + 3) * 4 + 2);      // [channel / 4][token][channel % 4]
  EXPECT_EQ(value_index(64, 5, 6), (1 * 64 + 6) * 4 + 1);  // [token / 4][channel][token % 4]
}

TEST(ChoosePageBytes, ThreeTiersAtHeadDim64) {
  const TierId tiers[] = {TierId::kK8V8, TierId::kK4V4, TierId::kK3V2};
  const int bytes = choose_page_bytes(tiers, 64);
  EXPECT_EQ(bytes, 1088);
  EXPECT_EQ(make_page_layout(TierId::kK8V8, 64, bytes).tokens, 8);
  EXPECT_EQ(make_page_layout(TierId::kK4V4, 64, bytes).tokens, 16);
  EXPECT_EQ(make_page_layout(TierId::kK3V2, 64, bytes).tokens, 24);
}

TEST(ChoosePageBytes, EveryPairOfTiersFitsAtEveryHeadSize) {
  for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 48) {
    for (const Tier& a : kTiers) {
      for (const Tier& b : kTiers) {
        const TierId tiers[] = {a.id, b.id};
        const int bytes = choose_page_bytes(tiers, head_dim);
        EXPECT_EQ(bytes % kPageAlignment, 0);
        EXPECT_GE(bytes, 512);
        EXPECT_GT(make_page_layout(a.id, head_dim, bytes).tokens, 0) << a.name << " " << b.name << " " << head_dim;
        EXPECT_GT(make_page_layout(b.id, head_dim, bytes).tokens, 0) << a.name << " " << b.name << " " << head_dim;
      }
    }
  }
}

// Three tiles of 4 * 258 bytes leave 1.3 % and half a page is 2.4 % of a head: 3.7 %. Two: 2.3 + 1.6, four: 0.8 + 3.2.
TEST(ChoosePageBytes, UncompressedAlone) {
  const TierId tiers[] = {TierId::kK16V16};
  EXPECT_EQ(choose_page_bytes(tiers, 64), 3136);
}

}  // namespace
}  // namespace leankv
