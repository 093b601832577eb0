// Stored codes as the matrix fragments of tensor cores, decoded in registers.
//
// A quad is four neighbours of a tile's order: four channels of a token (keys) or four tokens of a channel (values). It
// becomes four halves that hold integers, the codes' images; scale and shift of a token are applied to sums:
// value = scale * image + shift.
#pragma once

#include "backend/cuda/row_codec.cuh"

namespace leankv {

struct Quad {
  uint32_t low, high;  // pairs of halves
};

// A value of a row, from its image.
struct ScaleShift {
  float scale = 0, shift = 0;
};

LEANKV_HD constexpr bool is_minmax(CodecId id) {
  return id == CodecId::kMinMax8 || id == CodecId::kMinMax4 || id == CodecId::kMinMax2;
}
LEANKV_HD constexpr bool is_block(CodecId id) { return id == CodecId::kBlock8 || id == CodecId::kBlock4; }
LEANKV_HD constexpr bool has_shift(CodecId id) { return id == CodecId::kGrid8 || is_minmax(id); }

// Scale and shift of one token; group: of 32 channels, of kBlock.
template <CodecId id>
LEANKV_INLINE ScaleShift scale_shift(const SideLayout& side, const std::byte* page, int token, int group) {
  const auto* scales = reinterpret_cast<const uint8_t*>(page + side.scales + token * side.scale_bytes);
  if constexpr (id == CodecId::kHalf) return {1, 0};
  if constexpr (is_levels(id)) {
    constexpr float kStep = make_level_table<(1 << codec(id).bits) / 2>().step;
    return {scale_byte_value(scales[0]) * kStep, 0};
  }
  if constexpr (is_block(id)) return {half_at(scales + 2 * group), 0};
  if constexpr (id == CodecId::kGrid8) {
    const float scale = half_at(scales);
    return {scale, 0.5f * scale};
  }
  if constexpr (is_minmax(id)) {
    const float scale = half_at(scales), zero = half_at(scales + 2);
    return {scale, id == CodecId::kMinMax8 ? zero + 128 * scale : zero};
  }
  return {};
}

// Levels by their magnitude as bytes biased by 128: with a plus and with a minus.
template <int kCount>
struct LevelBytes {
  uint32_t plus[2] = {}, minus[2] = {};
  constexpr LevelBytes() {
    constexpr LevelTable<kCount> kTable = make_level_table<kCount>();
    for (int i = 0; i < 8; ++i) {
      const int image = int(kTable.image[i < kCount ? i : 0]);
      plus[i / 4] |= uint32_t(128 + image) << 8 * (i % 4);
      minus[i / 4] |= uint32_t(128 - image) << 8 * (i % 4);
    }
  }
};

// Codes in bytes, sign and level, to biased images. The level's bits are a selector of bytes as they stand.
template <int kCount, class Block>
LEANKV_INLINE uint32_t level_images(Block& block, uint32_t codes) {
  constexpr LevelBytes<kCount> kBytes;
  constexpr int kSign = kCount == 8 ? 3 : kCount == 4 ? 2 : 1;  // its bit
  const uint32_t level = codes & (0x01010101u * (kCount - 1));
  const uint32_t selector = block.byte_permute(level | level >> 4, 0, 0x20);
  const uint32_t negative = (codes >> kSign & 0x01010101u) * 0xffu;
  const uint32_t plus = block.byte_permute(kBytes.plus[0], kBytes.plus[1], selector);
  const uint32_t minus = block.byte_permute(kBytes.minus[0], kBytes.minus[1], selector);
  return (minus & negative) | (plus & ~negative);
}

// Bytes 128 + image, each, to halves: 1024 + byte is a half whose low byte is that byte.
template <class Block>
LEANKV_INLINE Quad halves_of(Block& block, uint32_t biased) {
  constexpr uint32_t kThousand = 0x64646464, kBias = 0x64806480;  // 1152 twice
  return {block.subtract_halves(block.byte_permute(biased, kThousand, 0x4140), kBias),
          block.subtract_halves(block.byte_permute(biased, kThousand, 0x4342), kBias)};
}

// kWide: every plane's lanes have kMaxLaneBytes, as in heads of a multiple of 64 channels, so that addresses fold.
template <bool kWide, int kBits>
LEANKV_INLINE uint32_t plane_bytes(const PlaneLayout& plane, const std::byte* tile, int quad) {
  const int width_log2 = kWide ? 6 : plane.width_log2;
  const int lane_log2 = width_log2 + (kBits == 8 ? 0 : kBits == 4 ? 1 : kBits == 2 ? 2 : 3);
  const int index = 4 * quad, within = index & ((1 << lane_log2) - 1);
  const int byte = plane.offset + (index >> lane_log2 << width_log2) + (within & ((1 << width_log2) - 1));
  const uint32_t word = *reinterpret_cast<const uint32_t*>(tile + byte);
  if constexpr (kBits == 8) return word;
  return word >> ((within >> width_log2) * kBits) & (0x01010101u * ((1u << kBits) - 1));
}

template <CodecId id, bool kWide, class Block>
LEANKV_INLINE Quad load_quad(Block& block, const SideLayout& side, const std::byte* tile, int quad) {
  if constexpr (id == CodecId::kHalf) {
    const auto* words = reinterpret_cast<const uint32_t*>(tile) + 2 * quad;
    return {words[0], words[1]};
  } else {
    constexpr int kBits = codec(id).bits, kFirst = kBits == 3 ? 2 : kBits;
    uint32_t codes = plane_bytes<kWide, kFirst>(side.plane[0], tile, quad);
    if constexpr (kBits == 3) codes |= plane_bytes<kWide, 1>(side.plane[1], tile, quad) << 2;
    if constexpr (is_levels(id)) codes = level_images<(1 << kBits) / 2>(block, codes);
    if constexpr (id == CodecId::kBlock8) codes ^= 0x80808080u;
    if constexpr (id == CodecId::kBlock4) codes += 0x78787878u;
    if constexpr (id == CodecId::kMinMax4 || id == CodecId::kMinMax2) codes |= 0x80808080u;
    return halves_of(block, codes);
  }
}

}  // namespace leankv
