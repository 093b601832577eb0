// Vector codecs against the scalar specification: the same codes, scales and floats for any row.
#include "backend/cpu/kernels/row_codec.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <random>
#include <string>
#include <vector>

#include "base/isa.h"

namespace leankv::testing {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();
constexpr float kNoNumber = std::numeric_limits<float>::quiet_NaN();

// Ordinary rows of many sizes, then what no model should give.
std::vector<std::vector<float>> rows_of(int head_dim) {
  std::mt19937 random(static_cast<unsigned>(head_dim));
  std::normal_distribution<float> normal;
  std::vector<std::vector<float>> rows;
  for (int r = 0; r < 60; ++r) {
    std::vector<float> x(std::size_t(head_dim), 0.0f);
    const float size = std::exp2(float(r % 30) - 18);
    for (float& v : x) v = (normal(random) + float(r % 3)) * size;
    if (r % 4 == 1) x[random() % x.size()] *= 30;
    rows.push_back(x);
  }
  for (const float odd : {0.0f, -0.0f, 1e-8f, 1e-42f, 3e38f, kInfinity, -kInfinity, kNoNumber, -kNoNumber,
                          std::bit_cast<float>(0x7fa00001u), 65520.0f, -65519.0f, 6e-8f}) {
    rows.emplace_back(std::size_t(head_dim), odd);
    std::vector<float> x = rows[3];
    x[std::size_t(head_dim) / 2 + 1] = odd;
    rows.push_back(x);
  }
  return rows;
}

class RowCodecTest : public ::testing::TestWithParam<Isa> {};

TEST_P(RowCodecTest, HasTheBitsOfTheSpecification) {
  const RowCodec& rows = row_codec(GetParam());
  for (const Codec& one : kCodecs) {
    for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 16) {
      int number = 0;
      for (const std::vector<float>& x : rows_of(head_dim)) {
        SCOPED_TRACE(std::string(one.name) + ", head_dim " + std::to_string(head_dim) + ", row " +
                     std::to_string(number++));
        uint16_t codes[2][kMaxHeadDim] = {};
        uint8_t scales[2][kMaxScaleBytes] = {};
        float back[2][kMaxHeadDim] = {};
        encode_row(one.id, x.data(), head_dim, codes[0], scales[0]);
        rows.encode(one.id, x.data(), head_dim, codes[1], scales[1]);
        ASSERT_EQ(std::memcmp(codes[0], codes[1], sizeof codes[0]), 0);
        ASSERT_EQ(std::memcmp(scales[0], scales[1], sizeof scales[0]), 0);
        decode_row(one.id, codes[0], scales[0], head_dim, back[0]);
        rows.decode(one.id, codes[0], scales[0], head_dim, back[1]);
        ASSERT_EQ(std::memcmp(back[0], back[1], sizeof back[0]), 0);
      }
    }
  }
}

TEST_P(RowCodecTest, RotatesToTheBitsOfTheSpecification) {
  for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 16) {
    for (const std::vector<float>& x : rows_of(head_dim)) {
      std::vector<float> expected = x, actual = x;
      hadamard(expected.data(), head_dim);
      row_codec(GetParam()).hadamard(actual.data(), head_dim);
      for (std::size_t c = 0; c < x.size(); ++c) {
        if (std::isnan(expected[c])) {
          ASSERT_TRUE(std::isnan(actual[c])) << c;
        } else {
          ASSERT_EQ(std::bit_cast<uint32_t>(actual[c]), std::bit_cast<uint32_t>(expected[c])) << c;
        }
      }
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Isas, RowCodecTest, ::testing::ValuesIn(available_isas()),
                         [](const auto& test) { return std::string(isa_name(test.param)); });

}  // namespace
}  // namespace leankv::testing
