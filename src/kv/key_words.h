// The codes of one key in the planes of its tile (packing.h), a whole word at a time.
//
// A word is 32 bits: four channels of one token for every value of a byte. In lanes of 64 bytes, 2 words of each of the
// 8 tokens of a tile, all values of a word are of one key, so nothing that is there has to be kept.
#pragma once

#include <cstddef>
#include <cstdint>

#include "kv/packing.h"

namespace leankv {

// Whether all lanes are that wide; else use plane_slot(). bits of a code: 16, 8, 4, 3 or 2.
constexpr bool has_whole_words(int bits, int head_dim) {
  const int narrowest = bits == 3 ? 1 : bits;  // plane, in tiles of 8 tokens
  return bits <= 8 && lane_bytes(narrowest * head_dim) == kMaxLaneBytes;
}

// tile: the key codes of a tile, token of its 8; codes [head_dim], below 2^bits. REQUIRES has_whole_words.
void write_key_words(int bits, int head_dim, int token, std::byte* tile, const uint16_t* codes);
void read_key_words(int bits, int head_dim, int token, const std::byte* tile, uint16_t* codes);

}  // namespace leankv
