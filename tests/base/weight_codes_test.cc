// Codes, scales and minimums of 32 weights against what the formats decode to (block_formats, held against the gguf
// package in tests/loader/gguf_test.cc).
#include "base/weight_codes.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <random>
#include <vector>

#include "base/block_formats.h"
#include "base/half.h"

namespace leankv {
namespace {

constexpr int kRowBlocks = 3;  // of the format

// Blocks with every code and scale there is; halves of either sign below 2, as of real weights.
struct Row {
  explicit Row(WeightType t) : type(t), format(weight_format(t)) {
    std::mt19937 random(unsigned(t) + 1);
    bytes.resize(std::size_t(kRowBlocks * format.block_bytes));
    for (std::byte& b : bytes) b = std::byte(random() & 255);
    for (int at = 0; at < int(bytes.size()); at += format.block_bytes) {
      const int first = t == WeightType::kQ6_K ? format.block_bytes - 2 : 0;
      const bool two =
          t == WeightType::kQ4_1 || t == WeightType::kQ5_1 || t == WeightType::kQ4_K || t == WeightType::kQ5_K;
      for (int half = 0; half <= int(two); ++half) bytes[std::size_t(at + first + 2 * half + 1)] &= std::byte(0xbf);
    }
    values.resize(std::size_t(kRowBlocks * format.block_size));
    dequantise(type, bytes.data(), int64_t(values.size()), values.data());
  }
  int parts() const { return int(values.size()) / kCodeBlock; }

  WeightType type;
  const WeightFormat& format;
  std::vector<std::byte> bytes;
  std::vector<float> values;
};

float meaning(const CodeForm& form, const CodeBlock& block, int i) {
  return half_to_float(block.scale) * float(block.codes[i] - form.zero) + half_to_float(block.min);
}

class WeightCodes : public ::testing::TestWithParam<WeightType> {};

TEST_P(WeightCodes, AreWithinTheirForm) {
  const Row row(GetParam());
  const CodeForm form = *code_form(row.type);
  for (int p = 0; p < row.parts(); ++p) {
    const CodeBlock block = read_codes(row.type, row.bytes.data(), p);
    for (const uint8_t code : block.codes) EXPECT_LT(code, 1 << form.bits);
    EXPECT_TRUE(form.has_min || block.min == 0);
  }
}

// Formats whose block has its own halves lose nothing. In Q4_K and Q5_K scale and minimum are rounded to 11 bits: by at
// most 2^-11 of each, and 2^-25 where halves are subnormal, times the code. A code of Q6_K is at most half a step from
// its value, with the clamp at 127 steps of a scale that was rounded down by 2^-11: 127 * 2^-11 = .06 of a step more.
TEST_P(WeightCodes, MeanWhatTheFormatDecodesTo) {
  const Row row(GetParam());
  const CodeForm form = *code_form(row.type);
  const bool is_super = row.format.block_size > kCodeBlock;
  for (int p = 0; p < row.parts(); ++p) {
    const CodeBlock block = read_codes(row.type, row.bytes.data(), p);
    const float scale = std::fabs(half_to_float(block.scale)), min = std::fabs(half_to_float(block.min));
    for (int i = 0; i < kCodeBlock; ++i) {
      const float value = row.values[std::size_t(p * kCodeBlock + i)];
      float bound = 0;
      if (row.type == WeightType::kQ6_K) {
        bound = (0.5f + 0.07f) * scale + 0x1p-24f * 128;
      } else if (is_super) {
        bound = (0x1p-11f * scale + 0x1p-25f) * 31 + 0x1p-11f * min + 0x1p-25f + 0x1p-20f * std::fabs(value);
      }
      EXPECT_NEAR(meaning(form, block, i), value, bound) << row.format.name << " part " << p << " value " << i;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, WeightCodes,
                         ::testing::Values(WeightType::kQ8_0, WeightType::kQ4_0, WeightType::kQ4_1, WeightType::kQ5_0,
                                           WeightType::kQ5_1, WeightType::kQ4_K, WeightType::kQ5_K, WeightType::kQ6_K),
                         [](const auto& format) { return std::string(weight_format(format.param).name); });

TEST(WeightCodesOfValues, UseTheWholeRange) {
  float values[kCodeBlock] = {};
  values[3] = -2.54f, values[4] = 2.54f, values[5] = 0.02f;
  const CodeBlock block = codes_of_values(values);
  EXPECT_EQ(block.codes[3], 1);
  EXPECT_EQ(block.codes[4], 255);
  EXPECT_EQ(block.codes[5], 129);
  EXPECT_EQ(block.codes[0], 128);
}

TEST(WeightCodesOfValues, ZerosHaveNoScale) {
  const float values[kCodeBlock] = {};
  const CodeBlock block = codes_of_values(values);
  EXPECT_EQ(block.scale, 0);
  EXPECT_TRUE(std::ranges::all_of(block.codes, [](uint8_t code) { return code == 128; }));
}

TEST(WeightCodesForm, SingleValuesHaveNone) {
  for (WeightType type : {WeightType::kF32, WeightType::kF16, WeightType::kBF16}) EXPECT_FALSE(code_form(type));
}

}  // namespace
}  // namespace leankv
