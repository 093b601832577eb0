// The dense operations of the CUDA backend, in the emulator, against the definitions.
#include <gtest/gtest.h>

#include "backend/cuda/dense_ops.h"
#include "backend/dense_ops_test_data.h"
#include "backend/reference/dense_ops.h"
#include "base/error.h"
#include "simt/test_device.h"

namespace leankv {
namespace {

using simt::Order;
using testing::kUnit;
using testing::random_values;
using testing::Values;

constexpr double kHalfUnit = 0x1p-11;

class CudaDenseTest : public ::testing::Test {
 protected:
  void SetUp() override {
    if (device_ == nullptr) GTEST_SKIP() << "no GPU here";
    inputs_ = std::make_unique<StepInputs>(*device_);
    ops_ = std::make_unique<CudaDenseOps>(*device_, *inputs_);
    x_ = ops_->make_memory(), y_ = ops_->make_memory(), z_ = ops_->make_memory();
  }
  // A copy where the operations look for it: memory that host and device share.
  Matrix on_device(const Values& x, MatrixMemory& memory) {
    device_->wait();
    const Matrix m = memory.shape(x.rows, x.columns);
    for (int r = 0; r < x.rows; ++r) std::ranges::copy(x.matrix().row_span(r), m.row(r));
    return m;
  }
  Values copied(ConstMatrix m) {
    device_->wait();
    Values x(m.rows, m.columns);
    for (int r = 0; r < m.rows; ++r) std::ranges::copy(m.row_span(r), x.matrix().row(r));
    return x;
  }

  std::unique_ptr<Device> device_ = simt::test_device(Order::kRandom);
  ReferenceDenseOps reference_;
  std::unique_ptr<StepInputs> inputs_;
  std::unique_ptr<CudaDenseOps> ops_;
  std::unique_ptr<MatrixMemory> x_, y_, z_;
};

double largest(std::span<const float> x) {
  double most = 0;
  for (const float value : x) most = std::max(most, double(std::fabs(value)));
  return most;
}

// How far off the product of a row x and output r may be. Of x: the sum of two halves over a power of two, 2^-22 of
// each value and 2^-25 of twice the largest (where the second is subnormal); with many rows one half, 2^-11. Of the
// weights: exact, but for values that become halves over a power of two, as all do with many rows. Sums: columns + 40
// roundings of what is added up, codes and minima apart. And what packing lost (base/weight_codes.h).
double bound(const testing::Weights& w, std::span<const float> x, int r, bool many) {
  const int columns = int(w.view.columns);
  const WeightType type = w.view.type;
  const bool is_half = type == WeightType::kF32 || type == WeightType::kBF16 || type == WeightType::kQ5_1 ||
                       type == WeightType::kQ5_K || many;
  const double x_step = many ? kHalfUnit : 0x1p-22, x_least = largest(x) * 2 * 0x1p-25;
  const std::span<const float> row(&w.values[std::size_t(r) * w.view.columns], std::size_t(columns));
  const double w_least = largest(row) * 2 * 0x1p-25;
  double sum = 0;
  for (int c = 0; c < columns; ++c) {
    const double a = std::fabs(x[c]), b = std::fabs(row[c]), parts = b + 2 * std::fabs(w.min(r, c));
    sum += a * parts * (x_step + (columns + 40) * kUnit) + parts * x_least;
    sum += a * std::fabs(w.packed[std::size_t(r) * w.view.columns + c] - row[c]);
    if (is_half || type == WeightType::kF16) sum += a * ((is_half ? kHalfUnit * b : 0) + w_least);
  }
  return sum;
}

TEST_F(CudaDenseTest, SimtLinear) {
  for (const WeightType type : testing::kWeightTypes) {
    for (const auto& [outputs, columns] : {std::pair(16, 32), {37, 288}}) {
      const int inputs = testing::whole_blocks(type, columns);
      const testing::Weights w = testing::random_weights(type, outputs, inputs, unsigned(outputs) + unsigned(type));
      const auto packed = ops_->pack(w.view);
      const auto exact = reference_.pack(w.view);
      for (const int rows : {1, 7, 8, 11, 16, 17, 40}) {
        SCOPED_TRACE(std::string(weight_format(type).name) + " " + std::to_string(outputs) + " " +
                     std::to_string(rows));
        const Values x = random_values(rows, inputs, unsigned(rows));
        Values expected(rows, outputs);
        reference_.linear(*exact, x.matrix(), expected.matrix());
        const Matrix y = y_->shape(rows, outputs);
        ops_->linear(*packed, on_device(x, *x_), y);
        device_->wait();
        for (int t = 0; t < rows; ++t) {
          for (int r = 0; r < outputs; ++r) {
            const double most = bound(w, x.matrix().row_span(t), r, rows > CudaDenseOps::kFewRows);
            ASSERT_NEAR(y.row(t)[r], expected.at(t, r), most) << t << " " << r;
          }
        }
      }
    }
  }
}

// What is made anew for every product is what is kept.
TEST_F(CudaDenseTest, SimtHalvesAreTheSameKeptOrNot) {
  const testing::Weights w = testing::random_weights(WeightType::kQ4_1, 48, 64, 3);
  CudaPackedWeights weights(*device_, tile_weights(w.view)), kept(*device_, tile_weights(w.view));
  kept.keep_halves(*device_);
  const Values x = random_values(20, 64, 5);
  const Matrix m = on_device(x, *x_), y = y_->shape(20, 48), z = z_->shape(20, 48);
  ops_->linear(weights, m, y);
  ops_->linear(kept, m, z);
  EXPECT_EQ(copied(y).data, copied(z).data);
}

TEST_F(CudaDenseTest, SimtWeightsThatCutBlocksAreRefused) {
  testing::Weights w = testing::random_weights(WeightType::kF32, 4, 40, 1);
  EXPECT_THROW(ops_->pack(w.view), Error);
}

TEST_F(CudaDenseTest, SimtEmbed) {
  std::vector<testing::Weights> tables;  // tables stay where they are
  for (const WeightType type : {WeightType::kQ4_0, WeightType::kQ4_1, WeightType::kQ8_0, WeightType::kF16}) {
    tables.push_back(testing::random_weights(type, 21, 64, unsigned(type)));
  }
  for (const testing::Weights& w : tables) {
    const WeightType type = w.view.type;
    Batch batch;
    batch.add(0, std::vector<int>{20, 0, 7, 7}, 0);
    inputs_->upload(batch);
    const Matrix x = x_->shape(4, 64);
    ops_->embed(w.view, batch.tokens, x);
    device_->wait();
    for (int t = 0; t < 4; ++t) {
      for (int c = 0; c < 64; ++c) {
        // Halves are kept over a power of two: subnormal ones lose their last bits.
        const double most = type == WeightType::kF16 ? 0x1p-24 : 0;
        ASSERT_NEAR(x.row(t)[c], w.values[std::size_t(batch.tokens[t]) * 64 + c], most);
      }
    }
  }
}

// f32 with the same formulas: a few roundings of each value.
TEST_F(CudaDenseTest, SimtRowByRow) {
  const int rows = 5, columns = 288, head_dim = 48, pairs = 20;
  Values x = random_values(rows, columns, 1), y = random_values(rows, columns, 2);
  const std::vector<float> weight = random_values(1, columns, 3).data;
  Batch batch;
  batch.add(0, std::vector<int>(rows, 0), 1000);
  batch.logit_rows = {1, 2, 4};
  inputs_->upload(batch);

  const Matrix m = on_device(x, *x_), n = on_device(y, *y_);
  ops_->norm(m, weight, 1e-5f, m);
  reference_.norm(x.matrix(), weight, 1e-5f, x.matrix());
  const auto expect_near = [&](ConstMatrix actual, const Values& expected, double units) {
    device_->wait();
    for (int r = 0; r < expected.rows; ++r) {
      for (int c = 0; c < columns; ++c) {
        const double e = expected.at(r, c);
        ASSERT_NEAR(actual.row(r)[c], e, units * kUnit * (std::fabs(e) + 1)) << r << " " << c;
      }
    }
  };
  expect_near(m, x, 4);
  ops_->gate(m, n);
  reference_.gate(x.matrix(), y.matrix());
  expect_near(m, x, 16);
  ops_->add(m, n);
  reference_.add(x.matrix(), y.matrix());
  expect_near(m, x, 20);

  const auto cos = ops_->make_memory(), sin = ops_->make_memory();
  std::vector<double> frequencies;
  for (int i = 0; i < pairs; ++i) frequencies.push_back(std::pow(10000.0, -double(i) / pairs));
  const Matrix c = cos->shape(rows, pairs), s = sin->shape(rows, pairs);
  Values c_exact(rows, pairs), s_exact(rows, pairs);
  ops_->angles(batch.positions, frequencies, c, s);
  reference_.angles(batch.positions, frequencies, c_exact.matrix(), s_exact.matrix());
  EXPECT_EQ(copied(c).data, c_exact.data);
  EXPECT_EQ(copied(s).data, s_exact.data);
  double units = 20;
  for (const RotaryPairs turned : {RotaryPairs::kNeighbours, RotaryPairs::kHalves}) {
    ops_->rope(m, head_dim, turned, c, s);
    reference_.rope(x.matrix(), head_dim, turned, c_exact.matrix(), s_exact.matrix());
    expect_near(m, x, units += 30);
  }
  ops_->add_bias(m, weight);
  reference_.add_bias(x.matrix(), weight);
  expect_near(m, x, units + 2);

  const Values before = copied(m);
  const Matrix kept = ops_->keep_rows(m, batch.logit_rows);
  ASSERT_EQ(kept.rows, 3);
  device_->wait();
  for (int i = 0; i < 3; ++i) {
    for (int k = 0; k < columns; ++k) EXPECT_EQ(kept.row(i)[k], before.at(batch.logit_rows[i], k));
  }
  EXPECT_EQ(copied(ops_->download(kept)).data, copied(kept).data);
}

}  // namespace
}  // namespace leankv
