#include "kv/hadamard.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>
#include <vector>

namespace leankv {
namespace {

constexpr double kUnit = 0x1p-24;  // rounding of one f32 operation

// Per channel of a block of n: log2 n additions of partial sums that never exceed sum|x|, one product with a constant
// that carries two roundings itself, one rounding of the product: (log2 n + 4) units of sum|x| / sqrt(n) is above all.
double error_bound(int n, double sum) { return (std::bit_width(unsigned(n)) + 3) * kUnit * sum / std::sqrt(n); }

std::vector<float> random_row(int head_dim) {
  std::mt19937 random(unsigned(3 + head_dim));
  std::normal_distribution<float> normal;
  std::vector<float> x(std::size_t(head_dim), 0.0f);
  for (float& v : x) v = normal(random);
  return x;
}

TEST(Hadamard, BlockIsTheLargestPowerOfTwo) {
  static_assert(hadamard_block(64) == 64 && hadamard_block(128) == 128 && hadamard_block(256) == 256);
  static_assert(hadamard_block(80) == 16 && hadamard_block(96) == 32 && hadamard_block(112) == 16);
}

TEST(Hadamard, IsTheMatrixOfSylvester) {
  for (int head_dim = 16; head_dim <= 256; head_dim += 16) {
    const std::vector<float> x = random_row(head_dim);
    std::vector<float> y = x;
    hadamard(y.data(), head_dim);
    const int n = hadamard_block(head_dim);
    for (int first = 0; first < head_dim; first += n) {
      double sum = 0;
      for (int j = 0; j < n; ++j) sum += std::fabs(x[first + j]);
      for (int i = 0; i < n; ++i) {
        double expected = 0;  // H[i][j] = (-1)^(number of ones in i & j) / sqrt(n)
        for (int j = 0; j < n; ++j) expected += (std::popcount(unsigned(i & j)) % 2 ? -1.0 : 1.0) * x[first + j];
        EXPECT_NEAR(y[first + i], expected / std::sqrt(n), error_bound(n, sum)) << head_dim << " " << first + i;
      }
    }
  }
}

// Errors of the first pass spread over the block and grow to sqrt(n) of theirs at most; the second pass adds its own on
// sum|Hx| <= n * sum|x| / sqrt(n). Both are below sqrt(n) bounds.
TEST(Hadamard, IsItsOwnInverse) {
  for (int head_dim = 16; head_dim <= 256; head_dim += 16) {
    const std::vector<float> x = random_row(head_dim);
    std::vector<float> y = x;
    hadamard(y.data(), head_dim);
    hadamard(y.data(), head_dim);
    const int n = hadamard_block(head_dim);
    double sum = 0;
    for (const float v : x) sum += std::fabs(v);
    const double bound = 2.1 * std::sqrt(n) * error_bound(n, sum);
    for (int c = 0; c < head_dim; ++c) EXPECT_NEAR(y[c], x[c], bound) << head_dim << " " << c;
  }
}

TEST(Hadamard, BlocksDoNotMix) {
  std::vector<float> x(80, 0.0f);
  x[20] = 4;  // second block of 16: 1 / sqrt(16) each
  hadamard(x.data(), 80);
  for (int c = 0; c < 80; ++c) EXPECT_EQ(std::fabs(x[c]), c / 16 == 1 ? 1.0f : 0.0f) << c;
}

}  // namespace
}  // namespace leankv
