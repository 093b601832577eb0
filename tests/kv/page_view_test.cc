#include "kv/page_view.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <vector>

#include "kv/packing.h"
#include "kv/quantise.h"

namespace leankv {
namespace {

StoredRow random_row(std::mt19937& random, CodecId id, int head_dim) {
  StoredRow row = {};
  for (int c = 0; c < head_dim; ++c) row.codes[c] = uint16_t(random() & ((1u << codec(id).bits) - 1));
  for (int i = 0; i < scale_bytes(id, head_dim); ++i) row.scales[i] = uint8_t(random());
  return row;
}

bool equal(CodecId id, int head_dim, const StoredRow& a, const StoredRow& b) {
  return std::equal(a.codes, a.codes + head_dim, b.codes) &&
         std::equal(a.scales, a.scales + scale_bytes(id, head_dim), b.scales);
}

// A page of every tier and head size, every row written once in random order and then some of them again.
class Page : public testing::TestWithParam<TierId> {};

TEST_P(Page, RowsComeBackAndDoNotDisturbEachOther) {
  const Tier& t = tier(GetParam());
  std::mt19937 random(11);
  for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 16) {
    const int tile_bytes = tile_tokens(t.id) * bytes_per_token(t.id, head_dim);
    const PageLayout layout = make_page_layout(t.id, head_dim, 2 * tile_bytes + 40);
    std::vector<std::byte> bytes(std::size_t(layout.page_bytes), std::byte{0x5c});
    PageView page(layout, bytes.data());
    std::vector<StoredRow> keys(std::size_t(layout.tokens)), values = keys;
    std::vector<uint16_t> significance(keys.size());
    std::vector<int> order;
    for (int i = 0; i < layout.tokens; ++i) order.insert(order.end(), {i, i});
    std::shuffle(order.begin(), order.end(), random);
    for (const int token : order) {
      page.write_key(token, keys[token] = random_row(random, t.key, head_dim));
      page.write_value(token, values[token] = random_row(random, t.value, head_dim));
      page.set_significance(token, significance[token] = uint16_t(random()));
    }
    for (int token = 0; token < layout.tokens; ++token) {
      StoredRow row = {};
      page.read_key(token, row);
      ASSERT_TRUE(equal(t.key, head_dim, row, keys[token])) << head_dim << " " << token;
      page.read_value(token, row);
      ASSERT_TRUE(equal(t.value, head_dim, row, values[token])) << head_dim << " " << token;
      ASSERT_EQ(page.significance(token), significance[token]);
    }
    for (int i = layout.used_bytes; i < layout.page_bytes; ++i) ASSERT_EQ(bytes[i], std::byte{0x5c}) << i;
  }
}

TEST_P(Page, DecodesWhatTheCodecDecodes) {
  const Tier& t = tier(GetParam());
  const int head_dim = 80;
  std::mt19937 random(12);
  std::normal_distribution<float> normal;
  float key[head_dim], value[head_dim], expected[head_dim], got[head_dim];
  for (int c = 0; c < head_dim; ++c) key[c] = normal(random), value[c] = normal(random);
  const PageLayout layout = make_page_layout(t.id, head_dim, 8192);
  std::vector<std::byte> bytes(std::size_t(layout.page_bytes));
  PageView page(layout, bytes.data());
  StoredRow row = {};
  encode_row(t.key, key, head_dim, row.codes, row.scales);
  page.write_key(1, row);
  decode_row(t.key, row.codes, row.scales, head_dim, expected);
  page.decode_key(1, got);
  EXPECT_EQ(std::memcmp(got, expected, sizeof(got)), 0);
  encode_row(t.value, value, head_dim, row.codes, row.scales);
  page.write_value(1, row);
  decode_row(t.value, row.codes, row.scales, head_dim, expected);
  page.decode_value(1, got);
  EXPECT_EQ(std::memcmp(got, expected, sizeof(got)), 0);
}

std::vector<TierId> all_tiers() {
  std::vector<TierId> ids;
  for (const Tier& t : kTiers) ids.push_back(t.id);
  return ids;
}

// The rows of a page against packing.h and the order of page_layout.h, code by code.
TEST_P(Page, CodesLieWherePackingSays) {
  const Tier& t = tier(GetParam());
  std::mt19937 random(12);
  for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 16) {
    const int tile = tile_tokens(t.id), n_values = tile * head_dim;
    const PageLayout layout = make_page_layout(t.id, head_dim, 2 * tile * bytes_per_token(t.id, head_dim));
    std::vector<std::byte> bytes(std::size_t(layout.page_bytes));
    PageView page(layout, bytes.data());
    for (int token = 0; token < layout.tokens; ++token) {
      const StoredRow key = random_row(random, t.key, head_dim), value = random_row(random, t.value, head_dim);
      page.write_key(token, key), page.write_value(token, value);
      const std::byte* keys = bytes.data() + layout.key_codes + token / tile * layout.key_tile_bytes;
      const std::byte* values = bytes.data() + layout.value_codes + token / tile * layout.value_tile_bytes;
      for (int c = 0; c < head_dim; ++c) {
        ASSERT_EQ(get_code(keys, n_values, codec(t.key).bits, key_index(tile, token % tile, c)), key.codes[c]);
        ASSERT_EQ(get_code(values, n_values, codec(t.value).bits, value_index(head_dim, token % tile, c)),
                  value.codes[c]);
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Tiers, Page, testing::ValuesIn(all_tiers()));

// The bytes that docs/page-format.md draws, by hand: K4V4 at head_dim 64, token 11 (tile 1, token 3), channel 5.
TEST(PageBytes, LieWhereTheDocumentSays) {
  const PageLayout layout = make_page_layout(TierId::kK4V4, 64, 1088);
  std::vector<std::byte> bytes(1088);
  PageView page(layout, bytes.data());
  StoredRow row = {};
  row.codes[5] = 9, row.scales[0] = 0xee;
  page.write_key(11, row);
  page.write_value(11, row);
  page.set_significance(11, 0x1234);
  // key order: (5 / 4 * 8 + 3) * 4 + 1 = 45: byte 45, low half. value order: (3 / 4 * 64 + 5) * 4 + 3 = 23.
  EXPECT_EQ(bytes[256 + 45], std::byte{9});
  EXPECT_EQ(bytes[512 + 256 + 23], std::byte{9});
  EXPECT_EQ(bytes[1024 + 11], std::byte{0xee});
  EXPECT_EQ(bytes[1040 + 11], std::byte{0xee});
  EXPECT_EQ(bytes[1056 + 22], std::byte{0x34});
  EXPECT_EQ(bytes[1056 + 23], std::byte{0x12});
  EXPECT_EQ(std::count(bytes.begin(), bytes.end(), std::byte{0}), 1088 - 6);
}

}  // namespace
}  // namespace leankv
