#include "kv/packing.h"

#include <gtest/gtest.h>

#include <random>
#include <vector>

namespace leankv {
namespace {

constexpr int kTileTokens = 8;

class Packing : public testing::TestWithParam<int> {
 protected:
  int bits() const { return GetParam(); }
};

TEST_P(Packing, RoundTripsAtEveryHeadSize) {
  std::mt19937 random(7);
  for (int head_dim = 16; head_dim <= 256; head_dim += 16) {
    const int n = kTileTokens * head_dim;
    std::vector<std::byte> bytes(std::size_t(n * bits() / 8), std::byte{0xa5});
    std::vector<uint16_t> codes(std::size_t(n), 0);
    for (int i = 0; i < n; ++i) {
      codes[i] = uint16_t(random() & ((1u << bits()) - 1));
      set_code(bytes.data(), n, bits(), i, codes[i]);
    }
    for (int i = 0; i < n; ++i) ASSERT_EQ(get_code(bytes.data(), n, bits(), i), codes[i]) << head_dim << " " << i;
  }
}

// n codes of b ones can only fill n * b bits if no two share one.
TEST_P(Packing, PositionsAreDisjointAndFillTheTile) {
  for (int head_dim = 16; head_dim <= 256; head_dim += 16) {
    const int n = kTileTokens * head_dim;
    std::vector<std::byte> bytes(std::size_t(n * bits() / 8), std::byte{0});
    for (int i = 0; i < n; ++i) set_code(bytes.data(), n, bits(), i, uint16_t((1u << bits()) - 1));
    EXPECT_EQ(bytes, std::vector<std::byte>(bytes.size(), std::byte{0xff})) << head_dim;
  }
}

INSTANTIATE_TEST_SUITE_P(Bits, Packing, testing::Values(1, 2, 3, 4, 5, 6, 8, 16));

TEST(PackingPlaces, FollowTheDocumentedOrder) {
  static_assert(lane_bytes(256) == 64 && lane_bytes(96) == 32 && lane_bytes(8) == 8);
  // 512 codes of 4 bits: lanes of 64 bytes hold 128 values, the second 64 in the high halves.
  static_assert(plane_slot(512, 4, 63).byte == 63 && plane_slot(512, 4, 63).shift == 0);
  static_assert(plane_slot(512, 4, 64).byte == 0 && plane_slot(512, 4, 64).shift == 4);
  static_assert(plane_slot(512, 4, 128).byte == 64 && plane_slot(512, 4, 128).shift == 0);
  std::byte bytes[512 * 3 / 8] = {};
  set_code(bytes, 512, 3, 65, 0b110);
  EXPECT_EQ(bytes[1], std::byte{0b10 << 2});       // low bits: the plane of 2, second run of 64
  EXPECT_EQ(bytes[128 + 1], std::byte{0b1 << 1});  // top bit: the plane of 1 behind it
}

TEST(PackingPlaces, SixteenBitsAreLittleEndian) {
  std::byte bytes[4] = {};
  set_code(bytes, 2, 16, 1, 0x1234);
  EXPECT_EQ(bytes[2], std::byte{0x34});
  EXPECT_EQ(bytes[3], std::byte{0x12});
}

}  // namespace
}  // namespace leankv
