// Reads one side of a run of pages in batches of tiles: a byte for each code, and the tokens' scales as floats.
#pragma once

#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/attention_codes.h"
#include "backend/cpu/kernels/attention_row.h"
#include "base/error.h"
#include "base/half.h"
#include "kv/quantise.h"

namespace leankv::LEANKV_ISA_NS {

inline constexpr int kTileTokens = 8;
inline constexpr int kBatchTiles = kBatchTokens / kTileTokens;
static_assert(tile_tokens(TierId::kK4V4) == kTileTokens);

constexpr bool has_codebook(CodecId id) {
  return id == CodecId::kLevels4 || id == CodecId::kLevels3 || id == CodecId::kLevels2;
}
constexpr bool has_zero_point(CodecId id) {
  return id == CodecId::kMinMax8 || id == CodecId::kMinMax4 || id == CodecId::kMinMax2;
}
// What a batch's bytes, as dot products take them, are above the integers that they stand for: kLevels' images and
// kGrid8's codes around 128.
constexpr int byte_centre(CodecId id) { return (has_zero_point(id) ? 0 : 128) - kDotZero; }
// What is added to those integers: kGrid8 means s (code - 127.5).
constexpr float level_offset(CodecId id) { return id == CodecId::kGrid8 ? 0.5f : 0.0f; }

// Up to kBatchTiles tiles. Those that the run does not have repeat the first, with scales 0.
template <CodecId id>
struct TileBatch {
  static constexpr int kSlack = 16 - kTileTokens;  // a vector of scales may reach so far over the last tile
  const uint8_t* codes[kBatchTiles];               // [tiles] in the tile's order, one byte each
  float scale[kBatchTokens + kSlack];              // [tokens]; 0 behind the run's last
  float zero[kBatchTokens + kSlack];               // [tokens], of kMinMax
  alignas(64) uint8_t unpacked[kBatchTiles][kTileTokens * kMaxHeadDim];
};

// The bytes of codes below 16 that stand for signed images, moved up to be unsigned.
template <CodecId id>
inline Bytes unsigned_images() {
  int8_t image[16] = {};
  for (int i = 0; i < 1 << codec(id).bits && i < 16; ++i) image[i] = int8_t(uint8_t(codebook(id)[i] + 128));
  return broadcast_16(image);
}

template <CodecId id>
inline const uint8_t* tile_bytes_of(const uint8_t* packed, int head_dim, uint8_t* buffer, Bytes images) {
  const int n = kTileTokens * head_dim;
  if constexpr (has_codebook(id)) return unpack_images<codec(id).bits>(packed, n, buffer, images);
  return unpack<codec(id).bits>(packed, n, buffer);
}

// 2^((b - 128) / 16) of each byte, 0 for byte 0 (kv/quantise.h), times step.
inline Floats scales_of_bytes(const uint8_t* bytes, const float* mantissas, Floats step) {
  const Ints b = load_u8(bytes), octave = shift_right<4>(b);
  const Ints exponent = shift_left<23>(add(octave, broadcast_int(-8)));
  const Floats scale = floats_of_bits(add(bits_of_floats(look_up_16(mantissas, bit_and(b, 15))), exponent));
  return mul(zero_where_equal(scale, to_float(b), broadcast(0)), step);
}

// One side, keys or values, of a run.
struct RunSide {
  int codes, tile_bytes, scales, scale_bytes;  // of PageLayout
  bool first;                                  // the side that is read first calls for the pages
};
inline RunSide key_side(const PageLayout& p) {
  return {p.key_codes, p.key_tile_bytes, p.key_scales, p.key_scale_bytes, true};
}
inline RunSide value_side(const PageLayout& p) {
  return {p.value_codes, p.value_tile_bytes, p.value_scales, p.value_scale_bytes, false};
}

template <CodecId id>
class TileReader {
 public:
  TileReader(const TokenRun& run, const RunSide& side)
      : run_(run), side_(side), tiles_per_page_(run.layout->tokens / kTileTokens), left_(run.tokens) {
    if constexpr (has_codebook(id)) {
      images_ = unsigned_images<id>();
      step_ = codebook_step(id);
      for (int i = 0; i < kScaleStepsPerOctave; ++i) {
        mantissas_[i] = __builtin_bit_cast(float, 0x3f800000u | kScaleMantissas[i]);
      }
    }
  }

  // The next tokens of the run, at most kBatchTokens; 0 at its end.
  inline int next(TileBatch<id>& batch) {
    const int tokens = left_ < kBatchTokens ? left_ : kBatchTokens;
    if (tokens <= 0) return 0;
    const int tiles = (tokens + kTileTokens - 1) / kTileTokens;
    for (int i = 0; i < tiles; ++i) read_tile(batch, i);
    for (int i = tiles; i < kBatchTiles; ++i) batch.codes[i] = batch.codes[0];
    for (int t = tokens; t < kBatchTokens; ++t) batch.scale[t] = batch.zero[t] = 0;
    left_ -= tokens;
    return tokens;
  }
  // The scales alone.
  inline int next_scales(TileBatch<id>& batch) {
    const int tokens = left_ < kBatchTokens ? left_ : kBatchTokens;
    for (int i = 0; i * kTileTokens < tokens; ++i) {
      read_scales(batch, i);
      advance();
    }
    for (int t = tokens; t < kBatchTokens; ++t) batch.scale[t] = batch.zero[t] = 0;
    left_ -= tokens;
    return tokens;
  }

 private:
  inline const uint8_t* at(int offset) const { return reinterpret_cast<const uint8_t*>(run_.pages[page_]) + offset; }
  inline void advance() {
    if (++tile_ == tiles_per_page_) tile_ = 0, ++page_;
  }
  inline void read_tile(TileBatch<id>& batch, int i) {
    if (side_.first && tile_ == 0) prefetch_ahead(run_, page_);
    const uint8_t* packed = at(side_.codes + tile_ * side_.tile_bytes);
    batch.codes[i] = tile_bytes_of<id>(packed, run_.layout->head_dim, batch.unpacked[i], images_);
    read_scales(batch, i);
    advance();
  }
  inline void read_scales(TileBatch<id>& batch, int i) {
    const int first = i * kTileTokens;
    const uint8_t* rows = at(side_.scales + tile_ * kTileTokens * side_.scale_bytes);
    if constexpr (has_zero_point(id)) {
      const uint16_t* pairs = reinterpret_cast<const uint16_t*>(rows);
      for (int t = 0; t < kTileTokens; ++t) {
        batch.scale[first + t] = half_to_float(pairs[2 * t]);
        batch.zero[first + t] = half_to_float(pairs[2 * t + 1]);
      }
    } else {
      for (int t = 0; t < kTileTokens; t += kLanes) {
        if constexpr (has_codebook(id)) {
          store(batch.scale + first + t, scales_of_bytes(rows + t, mantissas_, broadcast(step_)));
        } else {
          store(batch.scale + first + t, load_half(reinterpret_cast<const uint16_t*>(rows) + t));
        }
      }
    }
  }

  const TokenRun& run_;
  const RunSide side_;
  const int tiles_per_page_;
  int left_, page_ = 0, tile_ = 0;
  Bytes images_{};
  float step_ = 1;
  float mantissas_[kScaleStepsPerOctave];
};

template <CodecId id>
struct IntegerCodec {
  static constexpr CodecId value = id;
};

// Calls f with the codec as a type. REQUIRES one of integer codes and a scale for the whole row.
template <class F>
inline void visit_integer_codec(CodecId id, F f) {
  switch (id) {
    case CodecId::kGrid8:
      return f(IntegerCodec<CodecId::kGrid8>{});
    case CodecId::kLevels4:
      return f(IntegerCodec<CodecId::kLevels4>{});
    case CodecId::kLevels3:
      return f(IntegerCodec<CodecId::kLevels3>{});
    case CodecId::kLevels2:
      return f(IntegerCodec<CodecId::kLevels2>{});
    case CodecId::kMinMax8:
      return f(IntegerCodec<CodecId::kMinMax8>{});
    case CodecId::kMinMax4:
      return f(IntegerCodec<CodecId::kMinMax4>{});
    case CodecId::kMinMax2:
      return f(IntegerCodec<CodecId::kMinMax2>{});
    default:
      LEANKV_CHECK(false);
  }
}

}  // namespace leankv::LEANKV_ISA_NS
