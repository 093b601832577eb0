// What must be equal on every instruction set: the activations' codes and the integer dot products.
#include <gtest/gtest.h>

#include <limits>

#include "backend/cpu/kernels/linear.h"
#include "backend/cpu/packed_weights.h"
#include "backend/dense_ops_test_data.h"

namespace leankv::testing {
namespace {

struct Codes {
  std::vector<int8_t> codes;
  std::vector<ActivationBlock> stats;
};

Codes quantise(Isa isa, const std::vector<float>& x, int halves) {
  const int blocks = int(x.size()) / kBlockInputs;
  Codes out{std::vector<int8_t>(x.size() * size_t(halves)), std::vector<ActivationBlock>(size_t(blocks))};
  linear_kernels(isa).quantise_row(x.data(), blocks, halves, out.codes.data(), out.stats.data());
  return out;
}

int code_at(const Codes& codes, int halves, int i) {
  const int8_t* block = codes.codes.data() + i / kBlockInputs * halves * kBlockInputs;
  const int last = block[(halves - 1) * kBlockInputs + i % kBlockInputs];
  return halves == 1 ? last : 256 * block[i % kBlockInputs] + last;
}

// Blocks of random values over many decades, of ties (half steps of the code), of one value, of zeros.
std::vector<float> awkward_activations() {
  std::mt19937 random(1);
  std::normal_distribution<float> normal;
  std::vector<float> x;
  for (int block = 0; block < 200; ++block) {
    for (int i = 0; i < 32; ++i) x.push_back(normal(random) * std::ldexp(1.0f, block - 100));
  }
  for (int i = 0; i < 31; ++i) x.push_back(float(i) - 15.5f);
  x.push_back(127);
  for (int i = 0; i < 32; ++i) x.push_back(i == 9 ? -3000.0f : 0.0f);
  for (int i = 0; i < 32; ++i) x.push_back(0);
  return x;
}

TEST(DenseOpsKernels, ActivationCodesAreTheNearestOnEveryIsa) {
  const std::vector<float> x = awkward_activations();
  for (int halves : {1, 2}) {
    const float largest = halves == 1 ? 127 : 32639;
    for (Isa isa : available_isas()) {
      const Codes codes = quantise(isa, x, halves);
      for (size_t block = 0; block < x.size() / 32; ++block) {
        float max = 0;
        for (size_t i = 0; i < 32; ++i) max = std::max(max, std::fabs(x[block * 32 + i]));
        int total = 0;
        for (size_t i = block * 32; i < block * 32 + 32; ++i) {
          const int code = code_at(codes, halves, int(i));
          ASSERT_EQ(code, max == 0 ? 0 : int(std::nearbyintf(x[i] * (largest / max)))) << isa_name(isa) << " " << i;
          total += code;
        }
        ASSERT_EQ(codes.stats[block].total, total);
        ASSERT_EQ(codes.stats[block].scale, max / largest);
        ASSERT_EQ(codes.stats[block].sum, max / largest * float(total));
      }
    }
  }
}

TEST(DenseOpsKernels, TheLargestCodesFitBothHalves) {
  std::vector<float> x(32);
  for (int i = 0; i < 32; ++i) x[size_t(i)] = i % 2 ? 32639.0f : -32639.0f;
  for (Isa isa : available_isas()) {
    const Codes codes = quantise(isa, x, 2);
    for (int i = 0; i < 32; ++i) ASSERT_EQ(code_at(codes, 2, i), int(x[size_t(i)]));
  }
}

TEST(DenseOpsKernels, ValuesTooSmallForAScaleAreZero) {
  const std::vector<float> x(32, std::numeric_limits<float>::denorm_min());
  for (Isa isa : available_isas()) {
    for (int halves : {1, 2}) {
      const Codes codes = quantise(isa, x, halves);
      EXPECT_EQ(codes.stats[0].scale, 0);
      EXPECT_EQ(codes.stats[0].total, 0);
      for (int8_t code : codes.codes) ASSERT_EQ(code, 0);
    }
  }
}

// The dot products alone: all scales are 1, so y is the exact integer, rounded once to f32.
class IntegerDot : public ::testing::TestWithParam<WeightForm> {
 protected:
  static constexpr int kRows = 9;  // one group of rows at once and a single one, on every instruction set

  bool is_4_bit() const { return GetParam() == WeightForm::kCodes4 || GetParam() == WeightForm::kCodes4Min; }
  int zero() const { return !is_4_bit() ? 128 : GetParam() == WeightForm::kCodes4 ? 8 : 0; }

  int weight_code(int output, int input) const {
    const int group = input / 4;
    if (!is_4_bit()) return weights_[size_t((group * 16 + output) * 4 + input % 4)];
    const int pair = weights_[size_t((group % 4 * 16 + output) * 4 + input % 4)];
    return group < 4 ? pair & 15 : pair >> 4;
  }

  void expect_exact(int halves) {
    const std::vector<uint16_t> scales(16, float_to_half(1)), mins(16, 0);
    const TiledWeights weights{GetParam(), 16, 32, weights_.data(), scales.data(), mins.data(), nullptr};
    std::vector<ActivationBlock> stats(kRows, {1, 0, 0});
    for (int t = 0; t < kRows; ++t) {
      for (int i = 0; i < 32; ++i) stats[size_t(t)].total += activation(halves, t, i);
    }
    for (Isa isa : available_isas()) {
      Values y(kRows, 16);
      linear_kernels(isa).multiply_quantised(weights, {1, halves, codes_.data(), stats.data()}, {0, 1, 0, kRows},
                                             y.matrix());
      for (int t = 0; t < kRows; ++t) {
        for (int r = 0; r < 16; ++r) ASSERT_EQ(y.at(t, r), float(exact(halves, t, r))) << isa_name(isa);
      }
    }
  }

  int64_t exact(int halves, int t, int output) const {
    int64_t sum = 0;
    for (int i = 0; i < 32; ++i) sum += int64_t(weight_code(output, i) - zero()) * activation(halves, t, i);
    return sum;
  }

  int activation(int halves, int t, int i) const {
    const int8_t* row = codes_.data() + t * halves * 32;
    return halves == 1 ? row[i] : 256 * row[i] + row[32 + i];
  }

  std::vector<uint8_t> weights_ = std::vector<uint8_t>(512);
  std::vector<int8_t> codes_ = std::vector<int8_t>(kRows * 64);
};

TEST_P(IntegerDot, IsExactForRandomCodes) {
  std::mt19937 random(2);
  for (int trial = 0; trial < 50; ++trial) {
    for (uint8_t& code : weights_) code = uint8_t(random());
    for (int8_t& code : codes_) code = int8_t(random());
    expect_exact(1);
    expect_exact(2);
  }
}

// Where instructions with 16-bit sums would saturate.
TEST_P(IntegerDot, IsExactForExtremeCodes) {
  std::fill(weights_.begin(), weights_.end(), uint8_t(255));
  for (int8_t extreme : {int8_t(-128), int8_t(127)}) {
    std::fill(codes_.begin(), codes_.end(), extreme);
    expect_exact(1);
    expect_exact(2);
  }
}

INSTANTIATE_TEST_SUITE_P(Forms, IntegerDot,
                         ::testing::Values(WeightForm::kCodes4, WeightForm::kCodes4Min, WeightForm::kCodes8,
                                           WeightForm::kCodes8Min));

TEST(CpuPackedWeights, KeepsFourBitFilesAtFourBits) {
  const Weights weights = random_weights(WeightType::kQ4_1, 16, 32, 3);
  WeightMemory memory;
  CpuPackedWeights packed(weights.view, memory);
  packed.pack_tile(weights.view, 0);
  const TiledWeights tiled = packed.view();
  for (int output = 0; output < 16; ++output) {
    for (int i = 0; i < 32; ++i) {
      const uint8_t pair = tiled.codes[(i / 4 % 4 * 16 + output) * 4 + i % 4];
      const int code = i < 16 ? pair & 15 : pair >> 4;
      const float value = half_to_float(tiled.scales[output]) * float(code) + half_to_float(tiled.mins[output]);
      ASSERT_EQ(value, weights.values[size_t(output * 32 + i)]);
    }
  }
}

}  // namespace
}  // namespace leankv::testing
