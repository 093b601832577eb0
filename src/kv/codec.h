// The ways to store one row (the key or the value of one token and one KV head) and what each costs.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string_view>

#include "base/host_device.h"

namespace leankv {

enum class CodecId : uint8_t {
  kHalf,     // IEEE half, no scale: the lossless codec
  kGrid8,    // 8 bits: value = s (c - 127.5), s = max|x| / 127.5 in fp16, never 0
  kLevels4,  // Gaussian Lloyd-Max codebooks, sign and level, one 1-byte scale per row (docs/page-format.md)
  kLevels3,
  kLevels2,
  kMinMax8,  // the paper's: value = zero + scale c, scale and zero in fp16 per row
  kMinMax4,
  kMinMax2,
  kBlock8,  // llama.cpp's q8_0: blocks of 32 channels, fp16 scale, signed
  kBlock4,  // llama.cpp's q4_0
  kCount,
};

struct Codec {
  CodecId id;
  std::string_view name;
  int bits;             // per channel
  int group;            // channels that share one scale; 0: the whole row
  int bytes_per_group;  // scale (and zero point)
};

inline constexpr Codec kCodecs[] = {
    {CodecId::kHalf, "f16", 16, 0, 0},       {CodecId::kGrid8, "grid8", 8, 0, 2},
    {CodecId::kLevels4, "levels4", 4, 0, 1}, {CodecId::kLevels3, "levels3", 3, 0, 1},
    {CodecId::kLevels2, "levels2", 2, 0, 1}, {CodecId::kMinMax8, "minmax8", 8, 0, 4},
    {CodecId::kMinMax4, "minmax4", 4, 0, 4}, {CodecId::kMinMax2, "minmax2", 2, 0, 4},
    {CodecId::kBlock8, "q8_0", 8, 32, 2},    {CodecId::kBlock4, "q4_0", 4, 32, 2},
};
static_assert(sizeof(kCodecs) / sizeof(kCodecs[0]) == std::size_t(CodecId::kCount));

constexpr bool codec_rows_in_order() {
  for (int i = 0; i < int(CodecId::kCount); ++i) {
    if (int(kCodecs[i].id) != i) return false;
  }
  return true;
}
static_assert(codec_rows_in_order(), "kCodecs is indexed by CodecId");

inline constexpr int kMaxHeadDim = 256;
inline constexpr int kMaxScaleBytes = 2 * (kMaxHeadDim / 32);  // of one row in any codec

LEANKV_HD constexpr const Codec& codec(CodecId id) { return kCodecs[int(id)]; }

// Bytes of scales that one row needs; a last block may be shorter than the group.
LEANKV_HD constexpr int scale_bytes(CodecId id, int head_dim) {
  const Codec& c = codec(id);
  return c.group == 0 ? c.bytes_per_group : (head_dim + c.group - 1) / c.group * c.bytes_per_group;
}

}  // namespace leankv
