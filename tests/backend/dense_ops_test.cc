// norm, rope, gate and add of CpuDenseOps against the reference.
#include "backend/cpu/dense_ops.h"

#include <gtest/gtest.h>

#include "backend/dense_ops_test_data.h"
#include "backend/reference/dense_ops.h"

namespace leankv::testing {
namespace {

constexpr int kTokens = 19;

class DenseOpsTest : public ::testing::TestWithParam<Isa> {
 protected:
  ThreadPool pool_{2};
  CpuDenseOps ops_{pool_, GetParam(), Activations::kExact};
  ReferenceDenseOps reference_;
};

// Three roundings (factor, times x, times weight) and the reference's one; sums are doubles in both.
TEST_P(DenseOpsTest, NormIsCloseToTheReference) {
  for (int columns : {1, 3, 576, 1537}) {
    const Values x = random_values(kTokens, columns, 1, 2), weight = random_values(1, columns, 2);
    Values y(kTokens, columns), expected(kTokens, columns);
    ops_.norm(x.matrix(), weight.data, 1e-5f, y.matrix());
    reference_.norm(x.matrix(), weight.data, 1e-5f, expected.matrix());
    for (size_t i = 0; i < y.data.size(); ++i) {
      ASSERT_NEAR(y.data[i], expected.data[i], 5 * kUnit * std::fabs(expected.data[i]));
    }
  }
}

TEST_P(DenseOpsTest, NormMayWriteOverItsInput) {
  Values x = random_values(kTokens, 64, 3);
  const Values weight = random_values(1, 64, 4);
  Values y(kTokens, 64);
  ops_.norm(x.matrix(), weight.data, 1e-5f, y.matrix());
  ops_.norm(x.matrix(), weight.data, 1e-5f, x.matrix());
  EXPECT_EQ(x.data, y.data);
}

// Two products and their difference: at most 2 roundings of each product's magnitude, and the reference's one.
void expect_rope_of_the_reference(CpuDenseOps& ops, RotaryPairs pairs) {
  ReferenceDenseOps reference;
  const bool neighbours = pairs == RotaryPairs::kNeighbours;
  for (int rotary : {64, 48, 2}) {
    const Values before = random_values(kTokens, 3 * 64, 5);
    Values x = before, expected = before;
    Values cos = random_values(kTokens, rotary / 2, 6), sin = random_values(kTokens, rotary / 2, 7);
    ops.rope(x.matrix(), 64, pairs, cos.matrix(), sin.matrix());
    reference.rope(expected.matrix(), 64, pairs, cos.matrix(), sin.matrix());
    for (int t = 0; t < kTokens; ++t) {
      for (int c = 0; c < 3 * 64; ++c) {
        const int channel = c % 64;
        if (channel >= rotary) {
          ASSERT_EQ(x.at(t, c), before.at(t, c));
          continue;
        }
        const int pair = neighbours ? channel / 2 : channel % (rotary / 2);
        const int other = neighbours ? c ^ 1 : channel < rotary / 2 ? c + rotary / 2 : c - rotary / 2;
        const double a = std::fabs(before.at(t, c)), b = std::fabs(before.at(t, other));
        const double k = std::fabs(cos.at(t, pair)), s = std::fabs(sin.at(t, pair));
        ASSERT_NEAR(x.at(t, c), expected.at(t, c), 3.001 * kUnit * std::max(a * k + b * s, a * s + b * k));
      }
    }
  }
}

TEST_P(DenseOpsTest, RopeIsCloseToTheReferenceAndLeavesOtherChannels) {
  expect_rope_of_the_reference(ops_, RotaryPairs::kNeighbours);
  expect_rope_of_the_reference(ops_, RotaryPairs::kHalves);
}

TEST(ReferenceRope, RotatesHalves) {
  Values x(1, 5), cos(1, 2), sin(1, 2);
  x.data = {1, 2, 3, 4, 5};
  cos.data = {0, -1}, sin.data = {1, 0};  // a quarter turn of channels 0 and 2, half a turn of 1 and 3
  ReferenceDenseOps().rope(x.matrix(), 5, RotaryPairs::kHalves, cos.matrix(), sin.matrix());
  EXPECT_EQ(x.data, (std::vector<float>{-3, -2, 1, -4, 5}));
}

TEST(ReferenceRope, RotatesNeighbouringPairs) {
  Values x(1, 4), cos(1, 1), sin(1, 1);
  x.data = {1, 2, 3, 4};
  cos.data = {0}, sin.data = {1};  // a quarter turn: (a, b) becomes (-b, a)
  ReferenceDenseOps().rope(x.matrix(), 2, RotaryPairs::kNeighbours, cos.matrix(), sin.matrix());
  EXPECT_EQ(x.data, (std::vector<float>{-2, 1, -4, 3}));
}

// exp_lane is within 4 units (simd/exp.h); 1 + exp, the quotient, the product and the reference round once each: 8.
// Below -88 the exponential is clamped: what should vanish is at most |gate up| exp(-88).
TEST_P(DenseOpsTest, GateIsCloseToTheReference) {
  Values gate = random_values(kTokens, 1537, 8);
  const Values up = random_values(kTokens, 1537, 9);
  for (size_t i = 0; i < gate.data.size(); ++i) gate.data[i] *= std::ldexp(1.0f, int(i % 16) - 4);  // up to +-8,000
  const Values before = gate;
  Values expected = gate;
  ops_.gate(gate.matrix(), up.matrix());
  reference_.gate(expected.matrix(), up.matrix());
  for (size_t i = 0; i < gate.data.size(); ++i) {
    const double clamped = std::fabs(double(before.data[i]) * up.data[i]) * std::exp(-88.0);
    ASSERT_NEAR(gate.data[i], expected.data[i], clamped + 8.001 * kUnit * (clamped + std::fabs(expected.data[i])))
        << before.data[i];
  }
}

TEST_P(DenseOpsTest, RowsHaveTheSameBitsOnEveryIsa) {
  CpuDenseOps plain(pool_, Isa::kScalar, Activations::kExact);
  for (int columns : {64, 1536, 1600}) {
    Values x = random_values(3, columns, 10);
    Values expected = x;
    const Values other = random_values(3, columns, 11), cos = random_values(3, 32, 14), sin = random_values(3, 32, 15);
    const auto all = [&](CpuDenseOps& ops, Values& values) {
      ops.norm(values.matrix(), other.matrix().row_span(0), 1e-5f, values.matrix());
      ops.rope(values.matrix(), 64, RotaryPairs::kNeighbours, cos.matrix(), sin.matrix());
      ops.rope(values.matrix(), 64, RotaryPairs::kHalves, cos.matrix(), sin.matrix());
      ops.gate(values.matrix(), other.matrix());
      ops.add(values.matrix(), other.matrix());
    };
    all(ops_, x);
    all(plain, expected);
    EXPECT_EQ(x.data, expected.data);
  }
}

TEST_P(DenseOpsTest, AddIsExact) {
  Values x = random_values(kTokens, 65, 12), expected = x;
  const Values y = random_values(kTokens, 65, 13);
  ops_.add(x.matrix(), y.matrix());
  reference_.add(expected.matrix(), y.matrix());
  EXPECT_EQ(x.data, expected.data);
}

TEST_P(DenseOpsTest, AddsABiasToEveryRow) {
  Values x = random_values(kTokens, 65, 16), expected = x;
  const Values bias = random_values(1, 65, 17);
  ops_.add_bias(x.matrix(), bias.data);
  for (int t = 0; t < kTokens; ++t) {
    for (int c = 0; c < 65; ++c) expected.at(t, c) += bias.at(0, c);
  }
  EXPECT_EQ(x.data, expected.data);
}

INSTANTIATE_TEST_SUITE_P(Isas, DenseOpsTest, ::testing::ValuesIn(available_isas()),
                         [](const ::testing::TestParamInfo<Isa>& test_case) {
                           return std::string(isa_name(test_case.param));
                         });

}  // namespace
}  // namespace leankv::testing
