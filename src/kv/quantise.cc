#include "kv/quantise.h"

#include <algorithm>
#include <array>
#include <cmath>

#include "base/error.h"
#include "kv/quantise_rules.h"

namespace leankv {
namespace {

uint16_t store_half(uint16_t half, uint8_t* bytes) {
  bytes[0] = uint8_t(half & 0xff);
  bytes[1] = uint8_t(half >> 8);
  return half;
}
float load_half(const uint8_t* bytes) { return half_to_float(uint16_t(bytes[0] | bytes[1] << 8)); }

using Lanes = std::array<float, kSumLanes>;

float sum(Lanes lanes) {
  for (int half = kSumLanes / 2; half > 0; half /= 2) {
    for (int l = 0; l < half; ++l) lanes[l] += lanes[l + half];
  }
  return lanes[0];
}

float sum_of_squares(const float* x, int n) {
  Lanes lanes = {};
  for (int c = 0; c < n; c += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) lanes[l] += x[c + l] * x[c + l];
  }
  return sum(lanes);
}

struct Range {
  float low;
  float high;
};

Range range_of(const float* x, int n) {
  Lanes low, high;
  low.fill(INFINITY), high.fill(-INFINITY);
  for (int c = 0; c < n; c += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) {
      low[l] = smaller(low[l], x[c + l]);
      high[l] = larger(high[l], x[c + l]);
    }
  }
  Range r = {low[0], high[0]};
  for (int l = 1; l < kSumLanes; ++l) r = {smaller(r.low, low[l]), larger(r.high, high[l])};
  return r.low <= r.high ? r : Range{0, 0};  // nothing but NaN
}

float magnitude_of(const float* x, int n) {
  const Range r = range_of(x, n);
  return larger(magnitude(r.low), magnitude(r.high));
}

// ---- kHalf, kGrid8, kMinMax ----

void encode_half(const float* x, int n, uint16_t* codes) {
  for (int c = 0; c < n; ++c) codes[c] = float_to_half(x[c]);
}
void decode_half(const uint16_t* codes, int n, float* x) {
  for (int c = 0; c < n; ++c) x[c] = half_to_float(codes[c]);
}

void encode_grid8(const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const float inverse = 1.0f / half_to_float(store_half(grid8_scale(magnitude_of(x, n)), scales));
  for (int c = 0; c < n; ++c) codes[c] = uint16_t(grid8_code(x[c], inverse));
}
void decode_grid8(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float s = load_half(scales);
  for (int c = 0; c < n; ++c) x[c] = grid8_value(codes[c], s);
}

void encode_minmax(int bits, const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const float top = float((1 << bits) - 1);
  const Range r = range_of(x, n);
  const float scale = half_to_float(store_half(finite_half((r.high - r.low) / top), scales));
  const float zero = half_to_float(store_half(finite_half(r.low), scales + 2));
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  for (int c = 0; c < n; ++c) codes[c] = uint16_t(minmax_code(x[c], zero, inverse, top));
}
void decode_minmax(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float scale = load_half(scales), zero = load_half(scales + 2);
  for (int c = 0; c < n; ++c) x[c] = minmax_value(codes[c], scale, zero);
}

// ---- kBlock8, kBlock4: the cache types of llama.cpp ----

void encode_block8(const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const float d = magnitude_of(x, n) / 127.0f;
  store_half(finite_half(d), scales);
  for (int c = 0; c < n; ++c) codes[c] = uint16_t(block8_code(x[c], inverse_or_zero(d)));
}
void decode_block8(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float d = load_half(scales);
  for (int c = 0; c < n; ++c) x[c] = block8_value(codes[c], d);
}

// The first channel of the largest magnitude, with its sign.
float signed_largest(const float* x, int n) {
  const float largest = magnitude_of(x, n);
  for (int c = 0; c < n; ++c) {
    if (magnitude(x[c]) == largest) return x[c];
  }
  return 0;  // nothing but NaN
}

void encode_block4(const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const float d = signed_largest(x, n) / -8.0f;
  store_half(finite_half(d), scales);
  for (int c = 0; c < n; ++c) codes[c] = uint16_t(block4_code(x[c], inverse_or_zero(d)));
}
void decode_block4(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float d = load_half(scales);
  for (int c = 0; c < n; ++c) x[c] = block4_value(codes[c], d);
}

// Calls block(first channel, channels, scales of the block); the last block may be shorter.
template <class Block>
void for_each_block(CodecId id, int head_dim, Block block) {
  const Codec& format = codec(id);
  for (int first = 0, i = 0; first < head_dim; first += format.group, ++i) {
    const int n = head_dim - first < format.group ? head_dim - first : format.group;
    block(first, n, i * format.bytes_per_group);
  }
}

// ---- kLevels ----

// nearest_image and level_code (quantise_rules.h) of kSumLanes channels: one edge at a time for all of them, which
// compilers make vectors of.
template <int kCount>
void nearest_images(const LevelTable<kCount>& table, const float* x, float step, float* magnitudes, float* images) {
  for (int l = 0; l < kSumLanes; ++l) magnitudes[l] = magnitude(x[l]), images[l] = table.image[0];
  for (int i = 0; i + 1 < kCount; ++i) {
    const float edge = table.edge[i] * step, gain = table.image[i + 1] - table.image[i];
    for (int l = 0; l < kSumLanes; ++l) images[l] += magnitudes[l] > edge ? gain : 0.0f;
  }
}
template <int kCount>
void level_codes(const LevelTable<kCount>& table, const float* x, float step, uint16_t* codes) {
  int32_t sums[kSumLanes];
  for (int l = 0; l < kSumLanes; ++l) sums[l] = x[l] < 0 ? kCount : 0;
  for (int i = 0; i + 1 < kCount; ++i) {
    const float edge = table.edge[i] * step;
    for (int l = 0; l < kSumLanes; ++l) sums[l] += magnitude(x[l]) > edge ? 1 : 0;
  }
  for (int l = 0; l < kSumLanes; ++l) codes[l] = uint16_t(sums[l]);
}

// The scale that fits the row best (least squares) when every channel takes the image nearest at `step`, the value of
// image 1. Sums of image^2 are exact: at most 256 * 127^2 < 2^24.
template <int kCount>
float fit_step(const LevelTable<kCount>& table, const float* x, int n, float step) {
  Lanes dot = {};
  Lanes norm = {};
  for (int c = 0; c < n; c += kSumLanes) {
    Lanes a, images;
    nearest_images(table, x + c, step, a.data(), images.data());
    for (int l = 0; l < kSumLanes; ++l) {
      dot[l] += a[l] * images[l];
      norm[l] += images[l] * images[l];
    }
  }
  return sum(dot) / sum(norm);
}

// Scale: the row's root mean square, then two rounds of least squares, each rounded to a byte.
template <int kCount>
uint8_t fit_scale(const LevelTable<kCount>& table, const float* x, int n) {
  const uint8_t first = byte_of_scale(std::sqrt(sum_of_squares(x, n) / float(n)));
  uint8_t byte = first > 0 ? first : uint8_t(1);
  for (int round = 0; round < 2 && byte > 0; ++round) {
    const uint8_t fitted = byte_of_scale(fit_step(table, x, n, scale_of_byte(byte) * table.step) / table.step);
    if (fitted == byte) break;  // so would the next round say
    byte = fitted;
  }
  return byte;
}

template <int kCount>
void encode_levels(const LevelTable<kCount>& table, const float* x, int n, uint16_t* codes, uint8_t* scales) {
  scales[0] = fit_scale(table, x, n);
  const float step = scale_of_byte(scales[0]) * table.step;
  if (scales[0] == 0) return void(std::fill_n(codes, n, uint16_t(0)));  // a row of zeros
  for (int c = 0; c < n; c += kSumLanes) level_codes(table, x + c, step, codes + c);
}

void decode_levels(CodecId id, const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const int8_t* images = codebook(id);
  const float step = scale_of_byte(scales[0]) * codebook_step(id);
  for (int c = 0; c < n; ++c) x[c] = step * float(images[codes[c]]);
}

}  // namespace

float scale_of_byte(uint8_t b) { return scale_byte_value(b); }

uint8_t byte_of_scale(float scale) { return uint8_t(nearest_scale_byte(scale)); }

const int8_t* codebook(CodecId id) {
  LEANKV_CHECK(is_levels(id));
  return with_level_table(id, [](const auto& table) { return table.code_image + 0; });
}

float codebook_step(CodecId id) {
  LEANKV_CHECK(is_levels(id));
  return with_level_table(id, [](const auto& table) { return table.step; });
}

void encode_row(CodecId id, const float* x, int head_dim, uint16_t* codes, uint8_t* scales) {
  LEANKV_CHECK(head_dim % kSumLanes == 0 && head_dim <= kMaxHeadDim);
  switch (id) {
    case CodecId::kHalf:
      return encode_half(x, head_dim, codes);
    case CodecId::kGrid8:
      return encode_grid8(x, head_dim, codes, scales);
    case CodecId::kLevels4:
    case CodecId::kLevels3:
    case CodecId::kLevels2:
      return with_level_table(id, [=](const auto& table) { encode_levels(table, x, head_dim, codes, scales); });
    case CodecId::kMinMax8:
    case CodecId::kMinMax4:
    case CodecId::kMinMax2:
      return encode_minmax(codec(id).bits, x, head_dim, codes, scales);
    case CodecId::kBlock8:
      return for_each_block(id, head_dim, [=](int first, int n, int scale) {
        encode_block8(x + first, n, codes + first, scales + scale);
      });
    case CodecId::kBlock4:
      return for_each_block(id, head_dim, [=](int first, int n, int scale) {
        encode_block4(x + first, n, codes + first, scales + scale);
      });
    case CodecId::kCount:
      LEANKV_CHECK(false);
  }
}

void decode_row(CodecId id, const uint16_t* codes, const uint8_t* scales, int head_dim, float* x) {
  LEANKV_CHECK(head_dim % kSumLanes == 0 && head_dim <= kMaxHeadDim);
  switch (id) {
    case CodecId::kHalf:
      return decode_half(codes, head_dim, x);
    case CodecId::kGrid8:
      return decode_grid8(codes, scales, head_dim, x);
    case CodecId::kLevels4:
    case CodecId::kLevels3:
    case CodecId::kLevels2:
      return decode_levels(id, codes, scales, head_dim, x);
    case CodecId::kMinMax8:
    case CodecId::kMinMax4:
    case CodecId::kMinMax2:
      return decode_minmax(codes, scales, head_dim, x);
    case CodecId::kBlock8:
      return for_each_block(id, head_dim, [=](int first, int n, int scale) {
        decode_block8(codes + first, scales + scale, n, x + first);
      });
    case CodecId::kBlock4:
      return for_each_block(id, head_dim, [=](int first, int n, int scale) {
        decode_block4(codes + first, scales + scale, n, x + first);
      });
    case CodecId::kCount:
      LEANKV_CHECK(false);
  }
}

}  // namespace leankv
