// Decodes whole tiles of a page straight from its planes, with the products of kv/quantise.cc in their order.
//
// Four codes of a tile are one 32-bit word of a vector: of keys, 4 channels of a token; of values, 4 tokens of a
// channel. Byte k of every word is then a run of tokens of one channel, or of channels of one token: what is stored.
#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/attention_codes.h"
#include "backend/cpu/kernels/attention_functions.h"
#include "base/half.h"
#include "kv/quantise.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kTile = 8;  // tokens; halves have tiles of 4 and their own functions
constexpr int kHalfTile = 4;
constexpr int kMaxGroups = kMaxHeadDim / 32;
static_assert(tile_tokens(TierId::kK4V4) == kTile && tile_tokens(TierId::kK16V16) == kHalfTile);

constexpr bool is_levels(CodecId id) {
  return id == CodecId::kLevels4 || id == CodecId::kLevels3 || id == CodecId::kLevels2;
}
constexpr bool is_minmax(CodecId id) {
  return id == CodecId::kMinMax8 || id == CodecId::kMinMax4 || id == CodecId::kMinMax2;
}
constexpr bool is_signed(CodecId id) { return is_levels(id) || id == CodecId::kBlock8 || id == CodecId::kBlock4; }

// The scales of one tile; the second half of each row repeats the first, for vectors of 16 lanes.
struct TileScales {
  alignas(64) float scale[kMaxGroups][2 * kTile];  // [groups of channels][tokens]
  alignas(64) float zero[2 * kTile];               // [tokens], of kMinMax
};

template <CodecId id>
inline int group_of(int channel) {
  return codec(id).group == 0 ? 0 : channel / codec(id).group;
}

inline float half_at(const uint8_t* p) { return half_to_float(uint16_t(p[0] | p[1] << 8)); }

template <CodecId id>
inline void read_scales(const uint8_t* rows, int row_bytes, TileScales& s) {
  for (int t = 0; t < kTile; ++t, rows += row_bytes) {
    for (int g = 0; g * codec(id).bytes_per_group < row_bytes; ++g) {
      float scale;
      if constexpr (is_levels(id)) {
        scale = scale_of_byte(rows[0]) * codebook_step(id);
      } else {
        scale = half_at(rows + g * codec(id).bytes_per_group);
      }
      s.scale[g][t] = s.scale[g][t + kTile] = scale;
    }
    if constexpr (is_minmax(id)) s.zero[t] = s.zero[t + kTile] = half_at(rows + 2);
  }
}

// The integers that codes of 4 bits or fewer stand for.
template <CodecId id>
inline Bytes images() {
  int8_t image[16] = {};
  for (int i = 0; i < 1 << codec(id).bits && i < 16; ++i) {
    if constexpr (is_levels(id)) image[i] = codebook(id)[i];
    if constexpr (id == CodecId::kBlock4) image[i] = int8_t(i - 8);
  }
  return broadcast_16(image);
}

template <CodecId id>
inline Bytes load_images(const uint8_t* codes, Bytes table) {
  if constexpr (is_levels(id) || id == CodecId::kBlock4) return look_up(table, load_bytes(codes));
  return load_bytes(codes);
}

template <CodecId id, int kByte>
inline Floats value_of(Bytes image, Floats scale, Floats zero) {
  if constexpr (is_signed(id)) return mul(scale, to_float(signed_byte_of<kByte>(image)));
  const Floats code = to_float(byte_of<kByte>(image));
  if constexpr (is_minmax(id)) return add(zero, mul(scale, code));
  return mul(scale, sub(code, broadcast(127.5f)));
}

// codes [head_dim / 4][kTile][4]
template <CodecId id>
inline void decode_key_tile(const uint8_t* codes, int head_dim, const TileScales& s, Bytes table, float* keys,
                            std::ptrdiff_t stride) {
  for (int word = 0; word < kTile * head_dim / 4; word += kLanes) {
    const int channel = word / kTile * 4, token = word % kTile;
    const Bytes image = load_images<id>(codes + 4 * word, table);
    const Floats scale = load(s.scale[group_of<id>(channel)] + token), zero = load(s.zero + token);
    float* to = keys + channel * stride + token;
    store_eights(to, 4 * stride, value_of<id, 0>(image, scale, zero));
    store_eights(to + stride, 4 * stride, value_of<id, 1>(image, scale, zero));
    store_eights(to + 2 * stride, 4 * stride, value_of<id, 2>(image, scale, zero));
    store_eights(to + 3 * stride, 4 * stride, value_of<id, 3>(image, scale, zero));
  }
}

template <CodecId id, int kByte>
inline void decode_value_run(Bytes image, const TileScales& s, int group, int token, float* to) {
  store(to, value_of<id, kByte>(image, broadcast(s.scale[group][token]), broadcast(s.zero[token])));
}

// codes [kTile / 4][head_dim][4]
template <CodecId id>
inline void decode_value_tile(const uint8_t* codes, int head_dim, const TileScales& s, Bytes table, float* values) {
  for (int token = 0; token < kTile; token += 4, codes += 4 * head_dim) {
    float* rows = values + token * head_dim;
    for (int c = 0; c < head_dim; c += kLanes) {
      const Bytes image = load_images<id>(codes + 4 * c, table);
      const int group = group_of<id>(c);
      decode_value_run<id, 0>(image, s, group, token, rows + c);
      decode_value_run<id, 1>(image, s, group, token + 1, rows + head_dim + c);
      decode_value_run<id, 2>(image, s, group, token + 2, rows + 2 * head_dim + c);
      decode_value_run<id, 3>(image, s, group, token + 3, rows + 3 * head_dim + c);
    }
  }
}

// One side of a page.
struct Packed {
  const uint8_t* codes;   // of the first tile
  const uint8_t* scales;  // of the first token
  int tile_bytes, scale_bytes, head_dim, tokens;
};

// Calls decode(codes as bytes, scales, table, first token) for every tile that holds one of the tokens.
template <CodecId id, class Decode>
inline void for_each_tile(const Packed& p, Decode decode) {
  alignas(64) uint8_t buffer[kTile * kMaxHeadDim];
  TileScales scales = {};
  const Bytes table = images<id>();
  for (int t = 0; t < p.tokens; t += kTile) {
    read_scales<id>(p.scales + t * p.scale_bytes, p.scale_bytes, scales);
    decode(unpack<codec(id).bits>(p.codes + t / kTile * p.tile_bytes, kTile * p.head_dim, buffer), scales, table, t);
  }
}

template <CodecId id>
[[gnu::flatten]] void decode_keys_of(const Packed& p, float* keys, std::ptrdiff_t stride) {
  for_each_tile<id>(p, [=](const uint8_t* codes, const TileScales& scales, Bytes table, int t) {
    decode_key_tile<id>(codes, p.head_dim, scales, table, keys + t, stride);
  });
}

template <CodecId id>
[[gnu::flatten]] void decode_values_of(const Packed& p, float* values) {
  for_each_tile<id>(p, [=](const uint8_t* codes, const TileScales& scales, Bytes table, int t) {
    decode_value_tile<id>(codes, p.head_dim, scales, table, values + std::ptrdiff_t(t) * p.head_dim);
  });
}

// Halves: tiles of 4 tokens, in squares of 4 tokens by 4 channels on both sides.
template <>
[[gnu::flatten]] void decode_keys_of<CodecId::kHalf>(const Packed& p, float* keys, std::ptrdiff_t stride) {
  for (int t = 0; t < p.tokens; t += kHalfTile) {
    const uint16_t* tile = reinterpret_cast<const uint16_t*>(p.codes + t / kHalfTile * p.tile_bytes);
    for (int c = 0; c < p.head_dim; c += 4) {
      store_transposed_halves(tile + c * kHalfTile, keys + c * stride + t, stride);
    }
  }
}

template <>
[[gnu::flatten]] void decode_values_of<CodecId::kHalf>(const Packed& p, float* values) {
  for (int t = 0; t < p.tokens; t += kHalfTile) {
    const uint16_t* tile = reinterpret_cast<const uint16_t*>(p.codes + t / kHalfTile * p.tile_bytes);
    for (int c = 0; c < p.head_dim; c += 4) {
      store_transposed_halves(tile + c * kHalfTile, values + std::ptrdiff_t(t) * p.head_dim + c, p.head_dim);
    }
  }
}

template <CodecId id>
struct CodecTag {
  static constexpr CodecId value = id;
};

// Calls f with the codec as a type: the one place in these kernels.
template <class F>
inline void visit_codec(CodecId id, F f) {
  switch (id) {
    case CodecId::kHalf:
      return f(CodecTag<CodecId::kHalf>{});
    case CodecId::kGrid8:
      return f(CodecTag<CodecId::kGrid8>{});
    case CodecId::kLevels4:
      return f(CodecTag<CodecId::kLevels4>{});
    case CodecId::kLevels3:
      return f(CodecTag<CodecId::kLevels3>{});
    case CodecId::kLevels2:
      return f(CodecTag<CodecId::kLevels2>{});
    case CodecId::kMinMax8:
      return f(CodecTag<CodecId::kMinMax8>{});
    case CodecId::kMinMax4:
      return f(CodecTag<CodecId::kMinMax4>{});
    case CodecId::kMinMax2:
      return f(CodecTag<CodecId::kMinMax2>{});
    case CodecId::kBlock8:
      return f(CodecTag<CodecId::kBlock8>{});
    case CodecId::kBlock4:
      return f(CodecTag<CodecId::kBlock4>{});
    case CodecId::kCount:
      LEANKV_CHECK(false);
  }
}

inline const uint8_t* bytes_at(const std::byte* page, int offset) {
  return reinterpret_cast<const uint8_t*>(page) + offset;
}

}  // namespace

void decode_keys(const PageLayout& layout, const std::byte* page, int tokens, float* keys, std::ptrdiff_t stride) {
  const Packed side = {bytes_at(page, layout.key_codes),
                       bytes_at(page, layout.key_scales),
                       layout.key_tile_bytes,
                       layout.key_scale_bytes,
                       layout.head_dim,
                       tokens};
  visit_codec(tier(layout.tier).key, [&](auto tag) { decode_keys_of<tag.value>(side, keys, stride); });
}

void decode_values(const PageLayout& layout, const std::byte* page, int tokens, float* values) {
  const Packed side = {bytes_at(page, layout.value_codes),
                       bytes_at(page, layout.value_scales),
                       layout.value_tile_bytes,
                       layout.value_scale_bytes,
                       layout.head_dim,
                       tokens};
  visit_codec(tier(layout.tier).value, [&](auto tag) { decode_values_of<tag.value>(side, values); });
}

}  // namespace leankv::LEANKV_ISA_NS
