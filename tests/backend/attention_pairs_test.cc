// 16-bit integers of a prompt's attention on every instruction set: what is off against doubles, what is exact exactly.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/kernels/attention.h"
#include "backend/dense_ops_test_data.h"

namespace leankv::testing {
namespace {

std::vector<float> normal_floats(int n, unsigned seed, float spread = 1) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, spread);
  std::vector<float> x(std::size_t(n), 0.0f);
  for (float& value : x) value = normal(random);
  return x;
}

double length(const float* x, int n, int stride = 1) {
  double sum = 0;
  for (int i = 0; i < n; ++i) sum += double(x[i * stride]) * x[i * stride];
  return std::sqrt(sum);
}

int whole_lines(int n) { return (n + 15) / 16 * 16; }

class AttentionPairsTest : public ::testing::TestWithParam<Isa> {
 protected:
  const PairKernels& pairs_ = *attention_kernels(GetParam()).pairs;

  // Logits [queries, whole_lines(tokens)] of q [queries, d] and keys [d, tokens].
  std::vector<float> logits(const std::vector<float>& q, const std::vector<float>& keys, int queries, int tokens,
                            int d) {
    const int stride = whole_lines(tokens);
    std::vector<float> wide(std::size_t(d * stride), 0.0f), q_unit(std::size_t(queries), 0.0f);
    for (int c = 0; c < d; ++c) std::copy_n(&keys[std::size_t(c * tokens)], tokens, &wide[std::size_t(c * stride)]);
    std::vector<int16_t> codes(q.size()), columns(wide.size());
    std::vector<float> key_unit(std::size_t(stride), 0.0f), out(std::size_t(queries * stride), 0.0f);
    pairs_.quantise_rows(q.data(), queries, d, codes.data(), q_unit.data());
    pairs_.pair_columns(wide.data(), stride, tokens, d, columns.data(), key_unit.data());
    pairs_.multiply({codes.data(), d, columns.data(), stride, nullptr, key_unit.data(), out.data(), stride, queries,
                     stride, d / 2});
    for (int i = 0; i < queries * stride; ++i) out[std::size_t(i)] *= q_unit[std::size_t(i / stride)];
    return out;
  }
};

// Each side is half a step of at most 1 / 32767 of its length off in every channel: sqrt(d) / 65534 of it; both meet
// the other's length. Three f32 roundings of the result.
TEST_P(AttentionPairsTest, LogitsAreCloseToDoubles) {
  for (const int d : {16, 48, 64, 128, 256}) {
    const int queries = 25, tokens = 77;
    std::vector<float> q = normal_floats(queries * d, 1), keys = normal_floats(tokens * d, 2, 30);
    for (int c = 0; c < d; ++c) q[std::size_t(c)] = 1, keys[std::size_t(c * tokens)] = 1;       // the longest codes
    for (int c = 1; c < d; ++c) q[std::size_t(d + c)] = keys[std::size_t(c * tokens + 1)] = 0;  // the largest
    for (int c = 0; c < d; ++c) keys[std::size_t(c * tokens + 2)] = 0;
    const std::vector<float> actual = logits(q, keys, queries, tokens, d);
    for (int i = 0; i < queries; ++i) {
      for (int t = 0; t < tokens; ++t) {
        double expected = 0;
        for (int c = 0; c < d; ++c) expected += double(q[std::size_t(i * d + c)]) * keys[std::size_t(c * tokens + t)];
        const double lengths = length(&q[std::size_t(i * d)], d) * length(&keys[std::size_t(t)], d, tokens);
        const double most = 2.001 * std::sqrt(d) / 65534 * lengths + 3 * kUnit * std::fabs(expected);
        ASSERT_NEAR(actual[std::size_t(i * whole_lines(tokens) + t)], expected, most) << d << ": " << i << ", " << t;
      }
    }
  }
}

// Values whose largest magnitude is kLargestValue are integers of unit 1 as they are, and sums of products are exact.
TEST_P(AttentionPairsTest, SumsAreExact) {
  std::mt19937 random(3);
  for (const int tokens : {1, 2, 33, 256}) {
    const int d = 80, queries = 13, stride = whole_lines(tokens);
    std::vector<float> values(std::size_t((tokens + 1) * d), 0.0f);
    for (int t = 0; t < tokens + 1; ++t) {
      for (int c = 0; c < d; ++c) values[std::size_t(t * d + c)] = float(int(random() % 16383) - 8191);
      values[std::size_t(t * d + t % d)] = t % 2 == 0 ? 8191 : -8191;
    }
    std::vector<int16_t> weights(std::size_t(queries * stride), 0), rows(std::size_t((tokens + 1) * d));
    for (int i = 0; i < queries; ++i) {
      for (int t = 0; t < tokens; ++t)
        weights[std::size_t(i * stride + t)] = int16_t(random() % (200000 / tokens) % 32768);
    }
    std::vector<float> unit(std::size_t(stride), -1.0f), one(std::size_t(queries), 1.0f);
    std::vector<float> out(std::size_t(queries * d), 0.0f);
    pairs_.pair_rows(values.data(), tokens, d, rows.data(), unit.data());
    for (int t = 0; t < stride; ++t) EXPECT_EQ(unit[std::size_t(t)], t < tokens ? 1 : 0);
    pairs_.multiply(
        {weights.data(), stride, rows.data(), d, one.data(), nullptr, out.data(), d, queries, d, (tokens + 1) / 2});
    for (int i = 0; i < queries; ++i) {
      for (int c = 0; c < d; ++c) {
        int64_t sum = 0;
        for (int t = 0; t < tokens; ++t) {
          sum += int64_t(weights[std::size_t(i * stride + t)]) * int64_t(values[std::size_t(t * d + c)]);
        }
        ASSERT_EQ(out[std::size_t(i * d + c)], float(sum)) << tokens << ": " << i << ", " << c;
      }
    }
  }
}

// What weigh makes of rows of logits.
struct Weights {
  std::vector<float> exponentials, max, sum, unit;  // [rows, n], [rows]
  std::vector<int16_t> codes;                       // [rows, n]
};

Weights weigh(const PairKernels& pairs, const std::vector<float>& logits, const std::vector<float>& row_unit,
              const std::vector<float>& value_unit) {
  const int rows = int(row_unit.size()), n = int(value_unit.size());
  const std::vector<float> none(row_unit.size(), -1.0f);
  Weights w = {logits, none, none, none, std::vector<int16_t>(logits.size(), int16_t(-1))};
  pairs.weigh({w.exponentials.data(), n, rows, n, row_unit.data(), value_unit.data(), w.codes.data(), w.max.data(),
               w.sum.data(), w.unit.data()});
  return w;
}

// The exponent of 2 is a difference times a unit times log2 e: 4 roundings, which its size times ln 2 turns into those
// of the weight, and 4 units more of the polynomial (simd/exp_floats.h).
double most_off(double below) { return (4 + 4 * std::fabs(below)) * kUnit; }

TEST_P(AttentionPairsTest, WeightsAreExponentials) {
  for (const int n : {16, 48, 256, 1024}) {
    const int rows = 7;  // some side by side, some alone
    const std::vector<float> logits = normal_floats(rows * n, unsigned(n), 300),
                             value_unit(std::size_t(n), 1.0f / 8191);
    const std::vector<float> row_unit = {0.1f, 0.01f, 0.001f, 0.02f, 1e-30f, 0.05f, 0.03f};
    const Weights w = weigh(pairs_, logits, row_unit, value_unit);
    for (int r = 0; r < rows; ++r) {
      const auto row = logits.begin() + r * n;
      const float largest = *std::max_element(row, row + n);
      const double unit = row_unit[std::size_t(r)], most = largest * unit;
      EXPECT_EQ(w.max[std::size_t(r)], largest * row_unit[std::size_t(r)]);
      double sum = 0;
      for (int t = 0; t < n; ++t) {
        const double exact = std::exp(row[t] * unit - most);
        const double off = exact * most_off(row[t] * unit - most) + 1e-37;  // subnormal numbers may be 0
        ASSERT_NEAR(w.exponentials[std::size_t(r * n + t)], exact, off) << n << ": " << r << ", " << t;
        sum += w.exponentials[std::size_t(r * n + t)];
      }
      EXPECT_NEAR(w.sum[std::size_t(r)], sum, (n / 4 + 4) * kUnit * sum);  // in 4 lanes or more
    }
  }
}

// Half a unit each (and a rounding of the product and of the quotient); no sum that could leave 32 bits.
TEST_P(AttentionPairsTest, WeightsAreHalfAUnitOff) {
  for (const int n : {16, 48, 256, 1024}) {
    for (const float spread : {0.1f, 4.0f, 40.0f}) {
      std::vector<float> value_unit = normal_floats(n, 5);
      for (float& u : value_unit) u = std::fabs(u) / 8191;
      const Weights w = weigh(pairs_, normal_floats(n, unsigned(n), spread), {1}, value_unit);
      int64_t sum = 0;
      for (int t = 0; t < n; ++t) {
        const double exact = double(w.exponentials[std::size_t(t)]) * value_unit[std::size_t(t)];
        ASSERT_NEAR(double(w.unit[0]) * w.codes[std::size_t(t)], exact, 0.5001 * w.unit[0] + 4 * kUnit * exact) << t;
        ASSERT_GE(w.codes[std::size_t(t)], 0);
        sum += w.codes[std::size_t(t)];
      }
      EXPECT_LE(sum * 8191, std::numeric_limits<int32_t>::max());
      EXPECT_GT(sum, n < 32 ? 0 : 30000) << "as many bits as fit";
    }
  }
}

TEST_P(AttentionPairsTest, WhatIsNotThereWeighsNothing) {
  constexpr float kNone = -std::numeric_limits<float>::infinity();
  std::vector<float> logits(5 * 32, kNone);
  logits[3 * 32 + 7] = -40;
  const Weights w = weigh(pairs_, logits, std::vector<float>(5, 0.5f), std::vector<float>(32, 1.0f));
  for (int i = 0; i < 5 * 32; ++i) {
    EXPECT_EQ(w.exponentials[std::size_t(i)], i == 3 * 32 + 7 ? 1 : 0);
    EXPECT_EQ(w.codes[std::size_t(i)] > 0, i == 3 * 32 + 7);
  }
  for (int r = 0; r < 5; ++r) {
    EXPECT_EQ(w.max[std::size_t(r)], r == 3 ? -20 : kNone);
    EXPECT_EQ(w.sum[std::size_t(r)], r == 3 ? 1 : 0);
  }
}

TEST_P(AttentionPairsTest, NothingIsNothing) {
  const std::vector<float> zeros(64 * 16, 0.0f);
  for (const float x : logits(zeros, zeros, 16, 16, 64)) EXPECT_EQ(x, 0);
  const std::vector<float> units(16, 0.0f);
  EXPECT_EQ(weigh(pairs_, units, {1}, units).codes, std::vector<int16_t>(16, int16_t(0)));
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionPairsTest, ::testing::ValuesIn(available_isas()),
                         [](const auto& test) { return std::string(isa_name(test.param)); });

}  // namespace
}  // namespace leankv::testing
