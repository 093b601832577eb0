// What blocks decode to is compared with the gguf package in tests/loader/gguf_test.cc; here, the table.
#include "base/block_formats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <random>
#include <set>
#include <vector>

namespace leankv {
namespace {

TEST(BlockFormats, EveryTypeIsFoundByItsNumber) {
  std::set<uint32_t> numbers;
  for (const WeightFormat& format : weight_formats()) {
    EXPECT_EQ(&weight_format(format.type), &format);
    EXPECT_EQ(find_weight_format(format.gguf_id), &format);
    EXPECT_TRUE(numbers.insert(format.gguf_id).second) << format.name;
  }
  EXPECT_EQ(numbers.size(), 11u);
  EXPECT_EQ(find_weight_format(11), nullptr);  // Q3_K
}

TEST(BlockFormats, NamesAreListedForMessages) {
  EXPECT_EQ(weight_format_names(), "F32, F16, BF16, Q8_0, Q4_0, Q4_1, Q5_0, Q5_1, Q4_K, Q5_K, Q6_K");
}

// By hand: scale 0.5 (half 0x3800), minimum -1 (0xbc00).
TEST(BlockFormats, ElementsComeInTheirOrder) {
  float out[32];
  std::byte q8[34] = {std::byte{0x00}, std::byte{0x38}};
  for (int i = 0; i < 32; ++i) q8[2 + i] = std::byte(i - 16);
  dequantise(WeightType::kQ8_0, q8, 32, out);
  for (int i = 0; i < 32; ++i) EXPECT_EQ(out[i], 0.5f * float(i - 16));

  std::byte q4[20] = {std::byte{0x00}, std::byte{0x38}, std::byte{0x00}, std::byte{0xbc}};
  for (int i = 0; i < 16; ++i) q4[4 + i] = std::byte(i | (15 - i) << 4);
  dequantise(WeightType::kQ4_1, q4, 32, out);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(out[i], 0.5f * float(i) - 1.0f);
    EXPECT_EQ(out[16 + i], 0.5f * float(15 - i) - 1.0f);
  }
  std::memmove(q4 + 2, q4 + 4, 16);
  dequantise(WeightType::kQ4_0, q4, 32, out);
  for (int i = 0; i < 16; ++i) {
    EXPECT_EQ(out[i], 0.5f * float(i - 8));
    EXPECT_EQ(out[16 + i], 0.5f * float(7 - i));
  }
}

// Blocks do not depend on each other nor on where they lie.
TEST(BlockFormats, ManyBlocksEqualOneAtATimeAtAnyAddress) {
  constexpr int kBlocks = 5;
  std::mt19937 random(7);
  for (const WeightFormat& format : weight_formats()) {
    std::vector<std::byte> bytes(kBlocks * format.block_bytes + 1);
    std::ranges::generate(bytes, [&] { return std::byte(random() & 255); });
    std::vector<float> all(kBlocks * format.block_size), single(all.size());
    dequantise(format.type, bytes.data() + 1, int64_t(all.size()), all.data());
    for (int i = 0; i < kBlocks; ++i) {
      const std::vector<std::byte> block(bytes.begin() + 1 + i * format.block_bytes,
                                         bytes.begin() + 1 + (i + 1) * format.block_bytes);
      format.dequantise(block.data(), 1, single.data() + i * format.block_size);
    }
    EXPECT_EQ(std::memcmp(all.data(), single.data(), all.size() * sizeof(float)), 0) << format.name;
  }
}

TEST(BlockFormatsDeathTest, PartsOfABlockAreRefused) {
  std::byte block[34] = {};
  float out[32];
  EXPECT_DEATH(dequantise(WeightType::kQ8_0, block, 31, out), "broken invariant");
}

}  // namespace
}  // namespace leankv
