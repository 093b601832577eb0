// Reads one side of a run of pages in batches of tiles, a byte for each code.
#pragma once

#include LEANKV_SIMD_HEADER
#include "backend/cpu/kernels/attention_codes.h"
#include "backend/cpu/kernels/attention_row.h"
#include "base/error.h"
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

// Up to kBatchTiles tiles. Those that the run does not have repeat the first.
struct TileBatch {
  const uint8_t* codes[kBatchTiles];  // [tiles] in the tile's order, one byte each
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

// One side, keys or values, of a run.
struct RunSide {
  int codes, tile_bytes, scales, scale_bytes;  // of PageLayout
  bool keys;
};
inline RunSide key_side(const PageLayout& p) {
  return {p.key_codes, p.key_tile_bytes, p.key_scales, p.key_scale_bytes, true};
}
inline RunSide value_side(const PageLayout& p) {
  return {p.value_codes, p.value_tile_bytes, p.value_scales, p.value_scale_bytes, false};
}

// Walks over the tiles of a run, a batch at a time.
class TileCursor {
 public:
  explicit TileCursor(const TokenRun& run) : tiles_per_page_(run.layout->tokens / kTileTokens), left_(run.tokens) {}
  // Calls f(i, page, tile of the page) for the tiles of the next tokens, at most kBatchTokens, and returns how many
  // tokens: 0 at the run's end.
  template <class F>
  inline int next(F f) {
    const int tokens = left_ < kBatchTokens ? left_ : kBatchTokens;
    for (int i = 0; i * kTileTokens < tokens; ++i) {
      f(i, page_, tile_);
      if (++tile_ == tiles_per_page_) tile_ = 0, ++page_;
    }
    left_ -= tokens;
    return tokens;
  }

 private:
  const int tiles_per_page_;
  int left_, page_ = 0, tile_ = 0;
};

inline const uint8_t* bytes_of_page(const TokenRun& run, int page) {
  return reinterpret_cast<const uint8_t*>(run.pages[page]);
}

template <CodecId id>
class CodeReader {
 public:
  CodeReader(const TokenRun& run, const RunSide& side) : run_(run), side_(side), cursor_(run) {
    if constexpr (has_codebook(id)) images_ = unsigned_images<id>();
  }
  // The next tokens of the run, at most kBatchTokens; 0 at its end.
  inline int next(TileBatch& batch) {
    const int tokens = cursor_.next([&](int i, int page, int tile) {
      if (tile == 0) call_ahead(run_, page, side_.keys);
      const uint8_t* packed = bytes_of_page(run_, page) + side_.codes + tile * side_.tile_bytes;
      batch.codes[i] = tile_bytes_of<id>(packed, run_.layout->head_dim, batch.unpacked[i], images_);
    });
    for (int i = (tokens + kTileTokens - 1) / kTileTokens; i < kBatchTiles; ++i) batch.codes[i] = batch.codes[0];
    return tokens;
  }

 private:
  const TokenRun& run_;
  const RunSide side_;
  TileCursor cursor_;
  Bytes images_{};
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
