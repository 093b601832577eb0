// Where the bytes of one page lie. A page holds tokens of one tier of one (sequence, layer, KV head).
//
//   [tiles of key codes][tiles of value codes][key scales][value scales][significance][unused]
//
// A tile is 8 tokens (4 for K16V16). Key codes of a tile are ordered [channel / 4][token][channel % 4], value codes
// [token / 4][channel][token % 4]; packing.h says how codes of fewer than 8 bits share bytes. Scales are
// [token][bytes of a row]; significance is [token] 16-bit (significance.h).
#pragma once

#include <cstdint>
#include <span>

#include "kv/tier.h"

namespace leankv {

inline constexpr int kSignificanceBytes = 2;
inline constexpr int kPageAlignment = 64;  // one cache line

LEANKV_HD constexpr int tile_tokens(TierId id) { return id == TierId::kK16V16 ? 4 : 8; }

// Place of a code in its tile's order; token in [0, tile).
LEANKV_HD constexpr int key_index(int tile, int token, int channel) {
  return (channel / 4 * tile + token) * 4 + channel % 4;
}
LEANKV_HD constexpr int value_index(int head_dim, int token, int channel) {
  return (token / 4 * head_dim + channel) * 4 + token % 4;
}

struct PageLayout {
  TierId tier = TierId::kK16V16;
  int head_dim = 0;
  int page_bytes = 0;
  int tokens = 0;          // capacity: a whole number of tiles; 0 when not even one tile fits
  int key_tile_bytes = 0;  // codes of one tile
  int value_tile_bytes = 0;
  int key_scale_bytes = 0;  // of one row
  int value_scale_bytes = 0;
  int key_codes = 0;  // byte offsets from the start of the page
  int value_codes = 0;
  int key_scales = 0;
  int value_scales = 0;
  int significance = 0;
  int used_bytes = 0;
};

// Bytes that one token of one head costs in this tier: codes, scales, significance.
LEANKV_HD constexpr int bytes_per_token(TierId id, int head_dim) {
  const Tier& t = tier(id);
  return (codec(t.key).bits + codec(t.value).bits) * head_dim / 8 + scale_bytes(t.key, head_dim) +
         scale_bytes(t.value, head_dim) + kSignificanceBytes;
}

// REQUIRES head_dim a multiple of 16, at most kMaxHeadDim.
LEANKV_HD constexpr PageLayout make_page_layout(TierId id, int head_dim, int page_bytes) {
  const Tier& t = tier(id);
  const int tile = tile_tokens(id);
  PageLayout p;
  p.tier = id, p.head_dim = head_dim, p.page_bytes = page_bytes;
  p.tokens = page_bytes / (tile * bytes_per_token(id, head_dim)) * tile;
  p.key_tile_bytes = tile * head_dim * codec(t.key).bits / 8;
  p.value_tile_bytes = tile * head_dim * codec(t.value).bits / 8;
  p.key_scale_bytes = scale_bytes(t.key, head_dim);
  p.value_scale_bytes = scale_bytes(t.value, head_dim);
  const int tiles = p.tokens / tile;
  p.value_codes = tiles * p.key_tile_bytes;
  p.key_scales = p.value_codes + tiles * p.value_tile_bytes;
  p.value_scales = p.key_scales + p.tokens * p.key_scale_bytes;
  p.significance = p.value_scales + p.tokens * p.value_scale_bytes;
  p.used_bytes = p.significance + p.tokens * kSignificanceBytes;
  return p;
}

// The page size for a pool that holds these tiers: the multiple of kPageAlignment (at least 512) with the least waste,
// counting what no token can use, averaged over the tiers, and the half-empty last page of each tier. Of equals the
// smallest. REQUIRES tiers not empty.
int choose_page_bytes(std::span<const TierId> tiers, int head_dim);

}  // namespace leankv
