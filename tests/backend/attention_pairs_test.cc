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
    pairs_.multiply({codes.data(), d, q_unit.data(), columns.data(), stride, key_unit.data(), out.data(), stride,
                     queries, stride, d / 2});
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
        {weights.data(), stride, one.data(), rows.data(), d, nullptr, out.data(), d, queries, d, (tokens + 1) / 2});
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

// Half a unit each (and a rounding of the product and of the quotient); no sum that could leave 32 bits.
TEST_P(AttentionPairsTest, WeightsAreHalfAUnitOff) {
  for (const int n : {16, 48, 256, 1024}) {
    for (const float spread : {0.1f, 4.0f, 40.0f}) {
      std::vector<float> weights = normal_floats(n, unsigned(n), spread), value_unit = normal_floats(n, 5);
      for (float& w : weights) w = std::exp(-std::fabs(w));
      for (float& u : value_unit) u = std::fabs(u) / 8191;
      std::vector<int16_t> codes(std::size_t(n), int16_t(-1));
      float unit = 0;
      pairs_.quantise_weights(weights.data(), value_unit.data(), n, codes.data(), &unit);
      int64_t sum = 0;
      for (int t = 0; t < n; ++t) {
        const double exact = double(weights[std::size_t(t)]) * value_unit[std::size_t(t)];
        ASSERT_NEAR(double(unit) * codes[std::size_t(t)], exact, 0.5001 * unit + 4 * kUnit * exact) << t;
        ASSERT_GE(codes[std::size_t(t)], 0);
        sum += codes[std::size_t(t)];
      }
      EXPECT_LE(sum * 8191, std::numeric_limits<int32_t>::max());
      EXPECT_GT(sum, n < 32 ? 0 : 30000) << "as many bits as fit";
    }
  }
}

TEST_P(AttentionPairsTest, NothingIsNothing) {
  const std::vector<float> zeros(64 * 16, 0.0f);
  for (const float x : logits(zeros, zeros, 16, 16, 64)) EXPECT_EQ(x, 0);
  std::vector<int16_t> codes(16, int16_t(-1));
  float unit = 0;
  pairs_.quantise_weights(zeros.data(), zeros.data(), 16, codes.data(), &unit);
  EXPECT_EQ(codes, std::vector<int16_t>(16, int16_t(0)));
}

INSTANTIATE_TEST_SUITE_P(Isas, AttentionPairsTest, ::testing::ValuesIn(available_isas()),
                         [](const auto& test) { return std::string(isa_name(test.param)); });

}  // namespace
}  // namespace leankv::testing
