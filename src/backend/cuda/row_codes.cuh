// The codes of one row of a page, read and written by half a warp; every other half-warp verb is in row_codec.cuh.
#pragma once

#include "backend/cuda/cache_tables.h"
#include "backend/cuda/simt.h"

namespace leankv {

inline constexpr int kHalfWarp = 16;
static_assert(kHalfWarp == 16, "a lane sums the channels of one lane of kv/quantise.h");

// A row as codes; one for each half of a warp lies in shared memory.
struct CodeRow {
  uint16_t codes[kMaxHeadDim];
  uint8_t scales[kMaxScaleBytes];
};

LEANKV_HD inline int code_index(const SideLayout& side, int token, int channel) {
  return side.is_key ? key_index(side.tile, token, channel) : value_index(side.head_dim, token, channel);
}

LEANKV_HD inline std::byte* tile_of(const SideLayout& side, std::byte* page, int token) {
  return page + side.codes + token / side.tile * side.tile_bytes;
}

// The code of one channel.
LEANKV_HD inline uint16_t read_code(const SideLayout& side, const std::byte* tile, int token, int channel) {
  const int index = code_index(side, token % side.tile, channel);
  if (side.planes == 0) return reinterpret_cast<const uint16_t*>(tile)[index];
  unsigned code = 0;
  for (int p = 0; p < side.planes; ++p) {
    const PlaneLayout& plane = side.plane[p];
    const int within = index & ((1 << plane.lane_log2) - 1), width = (1 << plane.width_log2) - 1;
    const int byte = plane.offset + (index >> plane.lane_log2 << plane.width_log2) + (within & width);
    const unsigned bits = unsigned(tile[byte]) >> ((within >> plane.width_log2) * plane.bits);
    code |= (bits & ((1u << plane.bits) - 1)) << plane.done;
  }
  return uint16_t(code);
}

// The bits of a 32-bit word of a plane that belong to one token.
struct WordBits {
  uint32_t value = 0;
  uint32_t mask = 0;
};

LEANKV_HD inline WordBits word_bits(const SideLayout& side, const PlaneLayout& plane, int word, int token,
                                    const uint16_t* codes) {
  const int byte = 4 * word, lane = byte >> plane.width_log2, width = 1 << plane.width_log2;
  const uint32_t ones = (1u << plane.bits) - 1;
  WordBits bits;
  for (int v = 0; v < 8 / plane.bits; ++v) {
    // Four neighbours of the tile's order: channels of one token (keys) or tokens of one channel (values).
    const int quad = ((lane << plane.lane_log2) + (byte & (width - 1)) + (v << plane.width_log2)) >> 2;
    const int shift = v * plane.bits;
    if (side.is_key) {
      if (quad % side.tile != token) continue;
      const int channel = quad / side.tile * 4;
      for (int i = 0; i < 4; ++i) {
        bits.value |= (uint32_t(codes[channel + i]) >> plane.done & ones) << (8 * i + shift);
        bits.mask |= ones << (8 * i + shift);
      }
    } else {
      if (quad / side.head_dim != token / 4) continue;
      const int i = token % 4;
      bits.value |= (uint32_t(codes[quad % side.head_dim]) >> plane.done & ones) << (8 * i + shift);
      bits.mask |= ones << (8 * i + shift);
    }
  }
  return bits;
}

// Only bytes that the mask touches are written: those beside them may belong to tokens that another lane writes.
LEANKV_HD inline void write_word(std::byte* to, const WordBits& bits) {
  for (int i = 0; i < 4; ++i) {
    const unsigned mask = bits.mask >> 8 * i & 0xffu, value = bits.value >> 8 * i & 0xffu;
    if (mask == 0) continue;
    to[i] = std::byte(mask == 0xffu ? value : (unsigned(to[i]) & ~mask) | value);
  }
}

// Writes a row's codes and scales. lane: in the half-warp. REQUIRES that no other warp writes to the token's tile, and
// the other half of this warp no token that is a multiple of 4 away.
LEANKV_HD inline void write_row(const SideLayout& side, std::byte* page, int token, const CodeRow& row, int lane) {
  std::byte* tile = tile_of(side, page, token);
  const int in_tile = token % side.tile;
  if (side.planes == 0) {
    for (int c = lane; c < side.head_dim; c += kHalfWarp) {
      reinterpret_cast<uint16_t*>(tile)[code_index(side, in_tile, c)] = row.codes[c];
    }
  }
  for (int p = 0; p < side.planes; ++p) {
    const PlaneLayout& plane = side.plane[p];
    for (int word = lane; word < plane.bytes / 4; word += kHalfWarp) {
      const WordBits bits = word_bits(side, plane, word, in_tile, row.codes);
      if (bits.mask != 0) write_word(tile + plane.offset + 4 * word, bits);
    }
  }
  for (int i = lane; i < side.scale_bytes; i += kHalfWarp) {
    page[side.scales + token * side.scale_bytes + i] = std::byte(row.scales[i]);
  }
}

LEANKV_HD inline void read_row(const SideLayout& side, std::byte* page, int token, CodeRow& row, int lane) {
  const std::byte* tile = tile_of(side, page, token);
  for (int c = lane; c < side.head_dim; c += kHalfWarp) row.codes[c] = read_code(side, tile, token, c);
  for (int i = lane; i < side.scale_bytes; i += kHalfWarp) {
    row.scales[i] = uint8_t(page[side.scales + token * side.scale_bytes + i]);
  }
}

LEANKV_HD inline uint16_t& significance_at(const TierLayout& tier, std::byte* page, int token) {
  return reinterpret_cast<uint16_t*>(page + tier.significance)[token];
}

}  // namespace leankv
