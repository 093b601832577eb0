// CpuDenseOps::linear against the reference, within bounds derived from the arithmetic.
#include <gtest/gtest.h>

#include <algorithm>
#include <limits>
#include <set>

#include "backend/cpu/dense_ops.h"
#include "backend/dense_ops_test_data.h"
#include "backend/reference/dense_ops.h"
#include "base/error.h"

namespace leankv::testing {
namespace {

// The activations as kInt8 and kExact define them (linear.h), one value at a time.
struct QuantisedRow {
  std::vector<double> scale, code;  // [columns]

  QuantisedRow(std::span<const float> x, float largest) {
    for (size_t first = 0; first < x.size(); first += 32) {
      float max = 0;
      for (size_t i = 0; i < 32; ++i) max = std::max(max, std::fabs(x[first + i]));
      const float inverse = max == 0 ? 0 : largest / max;
      for (size_t i = 0; i < 32; ++i) {
        scale.push_back(max / largest);
        code.push_back(std::nearbyintf(x[first + i] * inverse));
      }
    }
  }
};

struct Expected {
  double value, bound;
};

// y is summed in f32, one fused or two single roundings per product: |error| <= (columns + 1) units of sum |x w|, and
// squares of the unit, for which one more is generous below 10^6 columns.
Expected expected_f32(const Weights& weights, std::span<const float> x, int output) {
  double sum = 0, magnitude = 0;
  for (size_t c = 0; c < x.size(); ++c) {
    const double product = double(x[c]) * weights.packed[size_t(output) * x.size() + c];
    sum += product;
    magnitude += std::fabs(product);
  }
  return {sum, (double(x.size()) + 2) * kUnit * magnitude};
}

// The same quantised arithmetic in doubles. Integers are exact, so what is left is f32 rounding: for each block two
// additions and at most 4 roundings of each term (dot to f32, times scale_x, times scale_w; scale_x times total), plus
// one of w itself where there is a minimum. The terms' magnitudes are scale_w code = w - min and min, so below |w| + 2
// |min|.
Expected expected_quantised(const Weights& weights, const QuantisedRow& x, int output) {
  const size_t columns = x.code.size();
  double sum = 0, magnitude = 0;
  for (size_t c = 0; c < columns; ++c) {
    const double w = weights.packed[size_t(output) * columns + c];
    sum += w * x.scale[c] * x.code[c];
    magnitude += std::fabs(x.scale[c] * x.code[c]) * (std::fabs(w) + 2 * std::fabs(weights.min(output, int(c))));
  }
  return {sum, (2 * double(columns) / 32 + 6) * kUnit * magnitude};
}

// What rounding the activations may change: half a step each, and 4 roundings of a code up to `largest`.
double quantisation_bound(const Weights& weights, const QuantisedRow& x, int output, double largest) {
  double bound = 0;
  for (size_t c = 0; c < x.code.size(); ++c) {
    bound += x.scale[c] * std::fabs(weights.packed[size_t(output) * x.code.size() + c]);
  }
  return bound * (0.5 + 4 * largest * kUnit);
}

// What packing lost (base/weight_codes.h): nothing but of superblocks.
double packing_error(const Weights& weights, std::span<const float> x, int output) {
  double sum = 0;
  for (size_t c = 0; c < x.size(); ++c) {
    const size_t at = size_t(output) * x.size() + c;
    sum += std::fabs(x[c]) * std::fabs(double(weights.packed[at]) - weights.values[at]);
  }
  return sum;
}

using Case = std::tuple<WeightType, Activations>;

class DenseOpsLinear : public ::testing::TestWithParam<Case> {
 protected:
  WeightType type() const { return std::get<0>(GetParam()); }
  Activations activations() const { return std::get<1>(GetParam()); }
  int whole(int columns) const { return whole_blocks(type(), columns); }
  bool quantises() const { return weight_format(type()).block_size > 1 && activations() != Activations::kF32; }

  void expect_close(const Weights& weights, const Values& x) {
    const int rows = int(weights.view.rows);
    Values reference(x.rows, rows);
    ReferenceDenseOps oracle;
    oracle.linear(*oracle.pack(weights.view), x.matrix(), reference.matrix());
    std::vector<Values> results;
    for (Isa isa : available_isas()) {
      CpuDenseOps ops(pool_, isa, activations());
      results.emplace_back(x.rows, rows, 5);
      ops.linear(*ops.pack(weights.view), x.matrix(), results.back().matrix());
    }
    for (int t = 0; t < x.rows; ++t) expect_row_close(weights, x.matrix().row_span(t), t, reference, results);
  }

  void expect_row_close(const Weights& weights, std::span<const float> x, int t, const Values& reference,
                        const std::vector<Values>& results) {
    const float largest = activations() == Activations::kInt8 ? 127 : 32639;
    const QuantisedRow quantised = quantises() ? QuantisedRow(x, largest) : QuantisedRow({}, largest);
    for (int r = 0; r < reference.columns; ++r) {
      const Expected expected = quantises() ? expected_quantised(weights, quantised, r) : expected_f32(weights, x, r);
      const double rounding = kUnit * std::fabs(reference.at(t, r));
      const double total = expected.bound + rounding + packing_error(weights, x, r) +
                           (quantises() ? quantisation_bound(weights, quantised, r, largest) : 0);
      for (size_t i = 0; i < results.size(); ++i) {
        const double y = results[i].at(t, r);
        ASSERT_NEAR(y, expected.value, expected.bound)
            << isa_name(available_isas()[i]) << " token " << t << " output " << r;
        ASSERT_NEAR(y, reference.at(t, r), total) << isa_name(available_isas()[i]) << " token " << t << " output " << r;
      }
    }
  }

  ThreadPool pool_{1};
};

TEST_P(DenseOpsLinear, IsCloseToTheReferenceInEveryShape) {
  for (int rows : {1, 15, 16, 17, 100}) {
    for (int columns : std::set{whole(32), whole(64), whole(160), whole(576), whole(1536)}) {
      const Weights weights = random_weights(type(), rows, columns, unsigned(rows * columns));
      for (int tokens : {1, 2, 7, 33}) {
        SCOPED_TRACE(std::to_string(rows) + " x " + std::to_string(columns) + ", tokens " + std::to_string(tokens));
        expect_close(weights, random_values(tokens, columns, unsigned(tokens), 3));
        if (HasFatalFailure()) return;
      }
    }
  }
}

// SmolLM2 has single activations up to 3,000 among values near 1.
TEST_P(DenseOpsLinear, IsCloseToTheReferenceWithMassiveActivations) {
  const int columns = whole(576);
  const Weights weights = random_weights(type(), 48, columns, 5);
  Values x = random_values(3, columns, 6);
  x.at(0, 5) = 3000;
  x.at(1, 575) = -3000;
  x.at(2, 31) = 3000, x.at(2, 32) = -2999;
  expect_close(weights, x);
}

TEST_P(DenseOpsLinear, TakesZeroAndTinyActivations) {
  const int columns = whole(64);
  const Weights weights = random_weights(type(), 16, columns, 7);
  for (float value : {0.0f, 1e-30f, std::numeric_limits<float>::denorm_min()}) {
    Values x(1, columns), y(1, 16);
    std::fill(x.data.begin(), x.data.end(), value);
    for (Isa isa : available_isas()) {
      CpuDenseOps ops(pool_, isa, activations());
      ops.linear(*ops.pack(weights.view), x.matrix(), y.matrix());
      // |w| < 10 here, of superblocks 20: terms of so many times value; a zero block may stand for values below 1e-33.
      const float most = weight_format(type()).block_size > 32 ? 20 : 10;
      for (float result : y.data) ASSERT_LE(std::fabs(result), most * float(columns) * value);
    }
  }
}

TEST_P(DenseOpsLinear, KeepsNanInItsRow) {
  const Weights weights = random_weights(type(), 20, whole(64), 8);
  Values x = random_values(9, whole(64), 9);
  x.at(4, 40) = std::numeric_limits<float>::quiet_NaN();
  for (Isa isa : available_isas()) {
    Values y(9, 20);
    CpuDenseOps ops(pool_, isa, activations());
    ops.linear(*ops.pack(weights.view), x.matrix(), y.matrix());
    for (int t = 0; t < 9; ++t) {
      for (int r = 0; r < 20; ++r) ASSERT_EQ(std::isnan(y.at(t, r)), t == 4) << isa_name(isa) << " " << t << " " << r;
    }
  }
}

std::vector<Values> results_of(const Weights& weights, const Values& x, int threads, Activations activations) {
  std::vector<Values> results;
  ThreadPool pool(threads);
  for (Isa isa : available_isas()) {
    CpuDenseOps ops(pool, isa, activations);
    results.emplace_back(x.rows, int(weights.view.rows));
    ops.linear(*ops.pack(weights.view), x.matrix(), results.back().matrix());
  }
  return results;
}

TEST_P(DenseOpsLinear, GivesTheSameBitsWithAnyNumberOfThreads) {
  const Weights weights = random_weights(type(), 1000, whole(160), 10);
  for (int tokens : {1, 300}) {  // 300 rows are three tasks
    const Values x = random_values(tokens, whole(160), 11);
    const std::vector<Values> one = results_of(weights, x, 1, activations());
    for (int threads : {2, 3}) {
      const std::vector<Values> more = results_of(weights, x, threads, activations());
      for (size_t i = 0; i < one.size(); ++i) ASSERT_EQ(one[i].data, more[i].data) << threads << " threads";
    }
  }
}

TEST_P(DenseOpsLinear, GivesTheSameBitsInAnyBatch) {
  const int columns = whole(160);
  const Weights weights = random_weights(type(), 100, columns, 12);
  const Values x = random_values(33, columns, 13);
  const std::vector<Values> together = results_of(weights, x, 2, activations());
  for (int first : {0, 1, 7, 20, 32}) {
    for (int tokens : {1, 2, 5}) {
      if (first + tokens > x.rows) continue;
      Values some(tokens, columns);
      std::copy_n(x.data.begin() + first * columns, tokens * columns, some.data.begin());
      const std::vector<Values> alone = results_of(weights, some, 1, activations());
      for (size_t i = 0; i < alone.size(); ++i) {
        const auto row = together[i].data.begin() + first * 100;
        ASSERT_TRUE(std::equal(alone[i].data.begin(), alone[i].data.end(), row)) << first << " + " << tokens;
      }
    }
  }
}

TEST_P(DenseOpsLinear, TakesNoTokens) {
  const Weights weights = random_weights(type(), 20, whole(64), 14);
  for (const Values& result : results_of(weights, Values(0, whole(64)), 2, activations()))
    EXPECT_TRUE(result.data.empty());
}

INSTANTIATE_TEST_SUITE_P(All, DenseOpsLinear,
                         ::testing::Combine(::testing::ValuesIn(kWeightTypes), ::testing::ValuesIn(kActivations)),
                         [](const ::testing::TestParamInfo<Case>& test_case) {
                           return std::string(weight_format(std::get<0>(test_case.param)).name) + "_" +
                                  activations_name(std::get<1>(test_case.param));
                         });

void expect_unsupported(DenseOps& ops, const TensorView& view) {
  try {
    ops.pack(view);
    ADD_FAILURE() << "packed " << view.rows << " x " << view.columns;
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
    EXPECT_NE(std::string(error.what()).find("blk.7.ffn_up.weight"), std::string::npos) << error.what();
  }
}

TEST(DenseOpsPack, RefusesRowsThatCutABlock) {
  ThreadPool pool(1);
  CpuDenseOps cpu(pool, best_isa(), Activations::kExact);
  ReferenceDenseOps reference;
  Weights weights = random_weights(WeightType::kQ4_1, 2, 64, 15);
  weights.view.columns = 48;
  expect_unsupported(cpu, weights.view);
  expect_unsupported(reference, weights.view);
}

TEST(DenseOpsPack, RefusesEmptyAndUncountableShapes) {
  ThreadPool pool(1);
  CpuDenseOps cpu(pool, best_isa(), Activations::kExact);
  Weights weights = random_weights(WeightType::kF32, 1, 1, 16);
  for (int64_t rows : {int64_t(0), int64_t(-1), int64_t(1) << 31}) {
    weights.view.rows = rows;
    expect_unsupported(cpu, weights.view);
  }
}

TEST(DenseOpsPack, TakesAnyNumberOfColumnsInFloatTypes) {
  ThreadPool pool(1);
  for (WeightType type : {WeightType::kF32, WeightType::kF16, WeightType::kBF16}) {
    const Weights weights = random_weights(type, 19, 131, 17);
    const Values x = random_values(8, 131, 18);
    for (Isa isa : available_isas()) {
      CpuDenseOps ops(pool, isa, Activations::kExact);
      Values y(8, 19);
      ops.linear(*ops.pack(weights.view), x.matrix(), y.matrix());
      for (int t = 0; t < 8; ++t) {
        for (int r = 0; r < 19; ++r) {
          const Expected expected = expected_f32(weights, x.matrix().row_span(t), r);
          ASSERT_NEAR(y.at(t, r), expected.value, expected.bound);
        }
      }
    }
  }
}

}  // namespace
}  // namespace leankv::testing
