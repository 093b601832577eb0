#include "backend/cuda/cache_tables.h"

#include <bit>

#include "kv/packing.h"

namespace leankv {
namespace {

SideLayout make_side(const PageLayout& p, CodecId id, bool is_key) {
  SideLayout side{};
  side.codec = id, side.is_key = is_key, side.bits = codec(id).bits;
  side.tile = tile_tokens(p.tier), side.head_dim = p.head_dim;
  side.codes = is_key ? p.key_codes : p.value_codes;
  side.tile_bytes = is_key ? p.key_tile_bytes : p.value_tile_bytes;
  side.scales = is_key ? p.key_scales : p.value_scales;
  side.scale_bytes = is_key ? p.key_scale_bytes : p.value_scale_bytes;
  side.group = codec(id).group == 0 ? p.head_dim : codec(id).group;
  const int values = side.tile * p.head_dim;
  for (int bits = 8, done = 0, offset = 0; side.bits < 16 && bits > 0; bits /= 2) {
    if ((side.bits & bits) == 0) continue;
    const int bytes = values * bits / 8, width_log2 = std::countr_zero(unsigned(lane_bytes(bytes)));
    side.plane[side.planes++] = {offset, bytes, bits, done, width_log2, width_log2 + std::countr_zero(8u / bits)};
    offset += bytes, done += bits;
  }
  return side;
}

}  // namespace

TierLayout make_tier_layout(const PageLayout& p) {
  return {p.tier, make_side(p, tier(p.tier).key, true), make_side(p, tier(p.tier).value, false), p.tokens,
          p.significance};
}

}  // namespace leankv
