#include "kv/codec.h"

#include <gtest/gtest.h>

namespace leankv {
namespace {

TEST(Codec, ScaleBytesOfARow) {
  EXPECT_EQ(scale_bytes(CodecId::kHalf, 64), 0);
  EXPECT_EQ(scale_bytes(CodecId::kGrid8, 64), 2);
  EXPECT_EQ(scale_bytes(CodecId::kLevels4, 256), 1);
  EXPECT_EQ(scale_bytes(CodecId::kMinMax2, 128), 4);
}

TEST(Codec, BlocksOfAShortRowCountWhole) {
  EXPECT_EQ(scale_bytes(CodecId::kBlock8, 64), 4);
  EXPECT_EQ(scale_bytes(CodecId::kBlock4, 80), 6);
  EXPECT_EQ(scale_bytes(CodecId::kBlock4, 16), 2);
}

TEST(Codec, NoRowNeedsMoreScaleBytesThanTheMaximum) {
  int most = 0;
  for (const Codec& c : kCodecs) {
    for (int head_dim = 16; head_dim <= kMaxHeadDim; head_dim += 16) most = std::max(most, scale_bytes(c.id, head_dim));
  }
  EXPECT_EQ(most, kMaxScaleBytes);
}

}  // namespace
}  // namespace leankv
