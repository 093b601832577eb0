// Rows encoded, written, read and decoded by half warps against kv/quantise.h and kv/page_view.h: equal bytes.
#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "backend/cuda/row_codec.cuh"
#include "base/half.h"
#include "kv/hadamard.h"
#include "kv/page_view.h"
#include "kv/quantise.h"
#include "simt/emulated_block.h"

namespace leankv {
namespace {

using simt::kOrders;
using simt::Order;

// Rotates and stores the rows of one page, two at a time, and reads them back.
template <int kMost>
struct StoreRows {
  static constexpr int kThreads = 32;
  struct Params {
    const TierLayout* layout;
    const float* rows;  // [tokens, head_dim], keys and values alike
    std::byte* page;
    float* rotated;      // [tokens, head_dim]
    float *key, *value;  // [tokens, head_dim] decoded
  };
  struct Shared {
    CodeRow row[2];
  };
  template <class Block>
  static void run(Block& block, const Params& p) {
    for (int token = 0; token < p.layout->tokens; token += 2) {
      store(block, p, p.layout->key, token, p.key);
      store(block, p, p.layout->value, token, p.value);
    }
  }
  template <class Block>
  static void store(Block& block, const Params& p, const SideLayout& side, int first, float* decoded) {
    CodeRow& row = block.template shared<Shared>().row[block.lane() / kHalfWarp];
    const int token = first + block.lane() / kHalfWarp, lane = half_lane(block), d = side.head_dim;
    LaneRow<kMost> x;
    for (int i = 0; i < kMost; ++i) x.x[i] = 16 * i < d ? p.rows[token * d + 16 * i + lane] : 0.0f;
    hadamard(block, x, d);
    for (int i = 0; 16 * i < d; ++i) p.rotated[token * d + 16 * i + lane] = x.x[i];
    encode_row(block, side.codec, x, d / 16, row);
    block.sync_warp();
    write_row(side, p.page, token, row, lane);
    block.sync_warp();
    for (int i = lane; i < kMaxHeadDim; i += kHalfWarp) row.codes[i] = 0xffff;
    block.sync_warp();
    read_row(side, p.page, token, row, lane);
    block.sync_warp();
    x = decode_row<kMost>(block, side.codec, row, d / 16);
    for (int i = 0; 16 * i < d; ++i) decoded[token * d + 16 * i + lane] = x.x[i];
    block.sync_warp();
  }
};

// Rows of many sizes, with zeros, outliers, NaN and infinities among them.
std::vector<float> awkward_rows(int tokens, int head_dim, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  std::vector<float> x(std::size_t(tokens) * head_dim);
  for (int t = 0; t < tokens; ++t) {
    const float size = std::ldexp(1.0f, int(random() % 24) - 12);
    for (int c = 0; c < head_dim; ++c) {
      const unsigned kind = random() % 64;
      float value = normal(random) * size;
      if (kind == 0) value = random() % 2 == 0 ? 0.0f : -0.0f;
      if (kind == 1) value *= 50;
      if (t % 7 == 3) value = random() % 2 == 0 ? 0.0f : -0.0f;
      if (t % 11 == 5 && kind == 2) value = NAN;
      if (t % 13 == 6 && kind == 3) value = -INFINITY;
      x[std::size_t(t) * head_dim + c] = value;
    }
  }
  return x;
}

template <class T>
bool same_bits(const std::vector<T>& a, const std::vector<T>& b) {
  return a.size() == b.size() && std::memcmp(a.data(), b.data(), a.size() * sizeof(T)) == 0;
}

// NaN has many bit patterns; which one an operation gives is the machine's choice.
void expect_same_floats(const std::vector<float>& actual, const std::vector<float>& expected) {
  ASSERT_EQ(actual.size(), expected.size());
  for (std::size_t i = 0; i < actual.size(); ++i) {
    if (std::isnan(expected[i])) {
      ASSERT_TRUE(std::isnan(actual[i])) << i;
    } else {
      ASSERT_EQ(std::bit_cast<uint32_t>(actual[i]), std::bit_cast<uint32_t>(expected[i])) << i;
    }
  }
}

// Halves keep the sign of a NaN, which is the machine's choice, too.
void forget_signs_of_nan(std::vector<std::byte>& page) {
  for (std::size_t i = 0; i + 1 < page.size(); i += 2) {
    uint16_t half = 0;
    std::memcpy(&half, page.data() + i, sizeof half);
    if (std::isnan(half_to_float(half))) half &= 0x7fff;
    std::memcpy(page.data() + i, &half, sizeof half);
  }
}

struct Expected {
  std::vector<std::byte> page;
  std::vector<float> rotated, key, value;
};

Expected expected_of(const PageLayout& layout, const std::vector<float>& rows) {
  const int d = layout.head_dim;
  Expected e{std::vector<std::byte>(std::size_t(layout.page_bytes)), rows, rows, rows};
  PageView page(layout, e.page.data());
  for (int t = 0; t < layout.tokens; ++t) {
    float* x = e.rotated.data() + t * d;
    hadamard(x, d);
    StoredRow row;
    encode_row(tier(layout.tier).key, x, d, row.codes, row.scales);
    page.write_key(t, row);
    encode_row(tier(layout.tier).value, x, d, row.codes, row.scales);
    page.write_value(t, row);
    page.decode_key(t, e.key.data() + t * d);
    page.decode_value(t, e.value.data() + t * d);
  }
  return e;
}

template <int kMost>
void check_rows(TierId id, int head_dim, Order order) {
  const int page_bytes = choose_page_bytes(std::array{id}, head_dim);
  const PageLayout layout = make_page_layout(id, head_dim, page_bytes);
  const TierLayout device_layout = make_tier_layout(layout);
  const std::vector<float> rows = awkward_rows(layout.tokens, head_dim, unsigned(head_dim) + unsigned(id));
  Expected expected = expected_of(layout, rows);
  Expected actual{std::vector<std::byte>(std::size_t(page_bytes)), rows, rows, rows};
  simt::run_grid<StoreRows<kMost>>(
      {},
      {&device_layout, rows.data(), actual.page.data(), actual.rotated.data(), actual.key.data(), actual.value.data()},
      order);
  if (id == TierId::kK16V16) {
    for (Expected* side : {&actual, &expected}) forget_signs_of_nan(side->page);
  }
  EXPECT_TRUE(same_bits(actual.page, expected.page));
  expect_same_floats(actual.rotated, expected.rotated);
  expect_same_floats(actual.key, expected.key);
  expect_same_floats(actual.value, expected.value);
}

class CudaRowsTest : public ::testing::TestWithParam<int> {};

TEST_P(CudaRowsTest, SimtEveryTierHasTheBytesOfTheSpecification) {
  for (const Tier& t : kTiers) {
    SCOPED_TRACE(t.name);
    const int head_dim = GetParam();
    const Order order = kOrders[int(t.id) % 3];
    if (head_dim <= 64) check_rows<4>(t.id, head_dim, order);
    if (head_dim <= 128) check_rows<8>(t.id, head_dim, order);
    check_rows<16>(t.id, head_dim, order);
  }
}

INSTANTIATE_TEST_SUITE_P(HeadDims, CudaRowsTest, ::testing::Values(16, 48, 64, 80, 96, 128, 208, 256));

}  // namespace
}  // namespace leankv
