// The kernels of attention on every instruction set: pages against PageView, arithmetic against doubles.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/kernels/attention.h"
#include "backend/dense_ops_test_data.h"
#include "kv/page_view.h"
#include "kv/quantise.h"

namespace leankv::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kUntouched = 12345.0f;

std::vector<float> normal_floats(std::size_t n, unsigned seed, float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(n);
  for (float& value : x) value = normal(random);
  return x;
}

// A row with the scales of some normal numbers and, but for halves, any code that the codec has.
StoredRow random_row(CodecId id, int head_dim, std::mt19937& random) {
  StoredRow row{};
  const std::vector<float> x = normal_floats(std::size_t(head_dim), unsigned(random()), 3);
  encode_row(id, x.data(), head_dim, row.codes, row.scales);
  for (int c = 0; c < head_dim && id != CodecId::kHalf; ++c) {
    row.codes[c] = uint16_t(random() & ((1u << codec(id).bits) - 1));
  }
  return row;
}

// A page of three tiles; tokens from `written` on hold arbitrary bytes.
struct TestPage {
  PageLayout layout;
  std::vector<std::byte> bytes;

  TestPage(TierId id, int head_dim, int written)
      : layout(make_page_layout(id, head_dim, 3 * tile_tokens(id) * bytes_per_token(id, head_dim))) {
    std::mt19937 random(unsigned(id) * 1000 + unsigned(head_dim));
    bytes.resize(std::size_t(layout.page_bytes));
    for (std::byte& b : bytes) b = std::byte(random() & 0xff);
    for (int t = 0; t < written; ++t) {
      view().write_key(t, random_row(tier(id).key, head_dim, random));
      view().write_value(t, random_row(tier(id).value, head_dim, random));
    }
  }
  PageView view() { return PageView(layout, bytes.data()); }
};

bool same_bits(float a, float b) { return std::bit_cast<uint32_t>(a) == std::bit_cast<uint32_t>(b); }

class AttentionKernelsTest : public ::testing::TestWithParam<Isa> {
 protected:
  const AttentionKernels& kernels_ = attention_kernels(GetParam());

  void check_keys(TestPage page, int tokens) {
    const int head_dim = page.layout.head_dim, tile = tile_tokens(page.layout.tier);
    const int decoded = (tokens + tile - 1) / tile * tile, stride = page.layout.tokens + 5;
    std::vector<float> keys(std::size_t(stride) * std::size_t(head_dim), kUntouched);
    kernels_.decode_keys(page.layout, page.bytes.data(), tokens, keys.data(), stride);
    std::vector<float> row(std::size_t(head_dim), 0.0f);
    for (int t = 0; t < stride; ++t) {
      if (t < tokens) page.view().decode_key(t, row.data());
      for (int c = 0; c < head_dim && (t < tokens || t >= decoded); ++c) {
        const float expected = t < tokens ? row[std::size_t(c)] : kUntouched;
        ASSERT_TRUE(same_bits(keys[std::size_t(c * stride + t)], expected)) << "token " << t << " channel " << c;
      }
    }
  }

  void check_values(TestPage page, int tokens) {
    const int head_dim = page.layout.head_dim, tile = tile_tokens(page.layout.tier);
    const int decoded = (tokens + tile - 1) / tile * tile, rows = page.layout.tokens + 1;
    std::vector<float> values(std::size_t(rows) * std::size_t(head_dim), kUntouched);
    kernels_.decode_values(page.layout, page.bytes.data(), tokens, values.data());
    std::vector<float> row(std::size_t(head_dim), 0.0f);
    for (int t = 0; t < rows; ++t) {
      if (t < tokens) page.view().decode_value(t, row.data());
      for (int c = 0; c < head_dim && (t < tokens || t >= decoded); ++c) {
        const float expected = t < tokens ? row[std::size_t(c)] : kUntouched;
        ASSERT_TRUE(same_bits(values[std::size_t(t * head_dim + c)], expected)) << "token " << t << " channel " << c;
      }
    }
  }
};

TEST_P(AttentionKernelsTest, PagesDecodeToTheBitsOfPageView) {
  for (const Tier& t : kTiers) {
    for (const int head_dim : {16, 48, 64, 80, 96, 128, 160, 256}) {
      const int tile = tile_tokens(t.id);
      for (const int tokens : {1, tile, tile + 1, 3 * tile}) {
        SCOPED_TRACE(std::string(t.name) + ", head_dim " + std::to_string(head_dim) + ", tokens " +
                     std::to_string(tokens));
        ASSERT_NO_FATAL_FAILURE(check_keys(TestPage(t.id, head_dim, tokens), tokens));
        ASSERT_NO_FATAL_FAILURE(check_values(TestPage(t.id, head_dim, tokens), tokens));
      }
    }
  }
}

struct Product {
  int m, n, k;
  std::vector<float> a, b;  // [m, k], [k, n]

  Product(int rows, int columns, int depth)
      : m(rows),
        n(columns),
        k(depth),
        a(normal_floats(std::size_t(rows * depth), 1)),
        b(normal_floats(std::size_t(depth * columns), 2)) {}
};

// A sum of k products, each rounded at most once alone and in at most k additions: (k + 1) roundings of 2^-24 of the
// sum of magnitudes, and 1.001 for their products among themselves.
TEST_P(AttentionKernelsTest, MultiplyIsCloseToDoubles) {
  for (const Product& p : {Product(1, 64, 256), Product(3, 256, 64), Product(13, 77, 16), Product(96, 40, 130)}) {
    const int stride = p.n + 3;
    std::vector<float> c(std::size_t(p.m * stride), kUntouched);
    kernels_.multiply(p.a.data(), p.k, p.b.data(), p.n, c.data(), stride, p.m, p.n, p.k);
    for (int i = 0; i < p.m; ++i) {
      for (int j = 0; j < stride; ++j) {
        double sum = 0, magnitude = 0;
        for (int l = 0; l < p.k && j < p.n; ++l) {
          const double product = double(p.a[std::size_t(i * p.k + l)]) * p.b[std::size_t(l * p.n + j)];
          sum += product, magnitude += std::fabs(product);
        }
        if (j >= p.n) sum = kUntouched;
        ASSERT_NEAR(c[std::size_t(i * stride + j)], sum, 1.001 * (p.k + 1) * kUnit * magnitude) << i << ", " << j;
      }
    }
  }
}

TEST_P(AttentionKernelsTest, AProductDoesNotDependOnOtherRowsAndColumns) {
  const Product p(23, 150, 64);
  std::vector<float> all(std::size_t(p.m * p.n)), one(1);
  kernels_.multiply(p.a.data(), p.k, p.b.data(), p.n, all.data(), p.n, p.m, p.n, p.k);
  for (int i = 0; i < p.m; ++i) {
    for (int j = 0; j < p.n; ++j) {
      kernels_.multiply(p.a.data() + i * p.k, p.k, p.b.data() + j, p.n, one.data(), 1, 1, 1, p.k);
      ASSERT_TRUE(same_bits(one[0], all[std::size_t(i * p.n + j)])) << i << ", " << j;
    }
  }
}

// Relative error: x - max rounds once, 2^-24 of |x - max| at most, and 1.25 times as much as a power of 2; exp adds
// less than 4 units of 2^-24 (simd/exp_floats.h).
TEST_P(AttentionKernelsTest, ExponentialsAreCloseToDoubles) {
  for (const int n : {1, 15, 16, 17, 256, 300}) {
    const std::vector<float> x = normal_floats(std::size_t(n), unsigned(n), 8);
    std::vector<float> y = x;
    float max = 0, sum = 0;
    kernels_.exponentials(y.data(), n, &max, &sum);
    EXPECT_EQ(max, *std::max_element(x.begin(), x.end()));
    float lanes[16] = {};
    for (int i = 0; i < n; ++i) {
      const double difference = double(x[std::size_t(i)]) - max, expected = std::exp(difference);
      ASSERT_NEAR(y[std::size_t(i)], expected, 1.001 * (4 - 2.25 * difference) * kUnit * expected);
      lanes[i % 16] += y[std::size_t(i)];
    }
    for (int half = 8; half > 0; half /= 2) {
      for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
    }
    EXPECT_TRUE(same_bits(sum, lanes[0])) << "the written order of the sum";
  }
}

TEST_P(AttentionKernelsTest, MinusInfinityGivesZero) {
  for (const int n : {5, 16, 37}) {
    std::vector<float> x = normal_floats(std::size_t(n), 3);
    for (int i = 0; i < n; i += 2) x[std::size_t(i)] = -kInfinity;
    std::vector<float> y = x;
    float max = 0, sum = 0;
    kernels_.exponentials(y.data(), n, &max, &sum);
    for (int i = 0; i < n; ++i) EXPECT_EQ(y[std::size_t(i)] == 0, i % 2 == 0) << i;

    std::fill(y.begin(), y.end(), -kInfinity);
    kernels_.exponentials(y.data(), n, &max, &sum);
    EXPECT_EQ(max, -kInfinity);
    EXPECT_EQ(sum, 0);
    EXPECT_EQ(y, std::vector<float>(std::size_t(n), 0.0f));
  }
}

TEST_P(AttentionKernelsTest, DistantLogitsGiveNothing) {
  std::vector<float> x = {0, -80, -90, -104, -1000, -3e38f};
  float max = 1, sum = 0;
  kernels_.exponentials(x.data(), int(x.size()), &max, &sum);
  EXPECT_EQ(max, 0);
  EXPECT_EQ(sum, 1);
  EXPECT_EQ(x[0], 1);
  EXPECT_NEAR(x[1], std::exp(-80.0), 1.001 * (4 + 2.25 * 80) * kUnit * std::exp(-80.0));
  EXPECT_NEAR(x[2], std::exp(-90.0), std::exp(-90.0) * 1.001) << "subnormal, which may be 0";
  EXPECT_GE(x[2], 0);
  for (const std::size_t i : {3, 4, 5}) EXPECT_EQ(x[i], 0) << i;
}

TEST_P(AttentionKernelsTest, AddSquares) {
  const std::vector<float> x = normal_floats(45, 5);
  std::vector<float> sums = normal_floats(45, 6);
  const std::vector<float> before = sums;
  kernels_.add_squares(x.data(), 0.3f, sums.data(), 44);
  for (std::size_t i = 0; i < 44; ++i) {
    const float scaled = x[i] * 0.3f, square = scaled * scaled;
    EXPECT_TRUE(same_bits(sums[i], before[i] + square)) << i;
  }
  EXPECT_EQ(sums[44], before[44]);
}

// Any bytes, any observation: small, large, none, no number.
TEST_P(AttentionKernelsTest, SignificanceHasTheBitsOfTheScalarSpecification) {
  std::mt19937 random(7);
  std::uniform_real_distribution<float> octave(-60, 4);
  for (const int n : {1, 8, 16, 24, 300}) {
    std::vector<uint16_t> bits(std::size_t(n + 1), 0), expected;
    std::vector<float> seen(std::size_t(n), 0.0f);
    for (uint16_t& b : bits) b = uint16_t(random());
    for (float& x : seen) x = random() % 8 == 0 ? 0.0f : std::exp2(octave(random));
    if (n > 16) seen[3] = kInfinity, seen[5] = std::numeric_limits<float>::quiet_NaN();
    ObservedQueries queries;
    queries.rows = n % 3 + 1, queries.where = uint32_t(random());
    for (float& w : queries.weight) w = float(random() % 1000 + 1) / 1000;
    std::vector<float> weights(std::size_t(n), 1.0f);
    for (float& w : weights) w = float(random() % 1000 + 1) / 1000;
    for (const float* each : {static_cast<const float*>(nullptr), static_cast<const float*>(weights.data())}) {
      queries.weights = each, queries.first_token = n * 5;
      expected = bits;
      update_significances(expected.data(), n, seen.data(), queries);
      EXPECT_NE(expected, bits);
      kernels_.update_significances(bits.data(), n, seen.data(), queries);
      EXPECT_EQ(bits, expected) << n;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionKernelsTest, ::testing::ValuesIn(available_isas()),
                         [](const auto& test) { return std::string(isa_name(test.param)); });

}  // namespace
}  // namespace leankv::testing
