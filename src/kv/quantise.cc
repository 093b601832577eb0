#include "kv/quantise.h"

#include <array>
#include <bit>
#include <cmath>

#include "base/error.h"
#include "base/half.h"

namespace leankv {
namespace {

constexpr float kLargestHalf = 65504.0f;
constexpr float kSmallestNormalHalf = 6.103515625e-5f;  // 2^-14

float larger(float a, float b) { return b > a ? b : a; }   // a when b is NaN
float smaller(float a, float b) { return b < a ? b : a; }  // a when b is NaN
float or_if_nan(float x, float other) { return x == x ? x : other; }
float clamp(float x, float low, float high) { return smaller(larger(x, low), high); }

uint16_t store_half(float value, uint8_t* bytes) {
  const uint16_t half = float_to_half(clamp(or_if_nan(value, 0.0f), -kLargestHalf, kLargestHalf));
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
  return larger(std::fabs(r.low), std::fabs(r.high));
}

// ---- kHalf, kGrid8, kMinMax ----

void encode_half(const float* x, int n, uint16_t* codes) {
  for (int c = 0; c < n; ++c) codes[c] = float_to_half(x[c]);
}

void decode_half(const uint16_t* codes, int n, float* x) {
  for (int c = 0; c < n; ++c) x[c] = half_to_float(codes[c]);
}

// The smallest scale is a normal half: rows below 127.5 * 2^-14 lose nothing that matters, and s * 127.5 reaches the
// largest channel whatever way the half was rounded. Cell c covers [c - 128, c - 127) * s, its middle is c - 127.5.
void encode_grid8(const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const float wanted = larger(magnitude_of(x, n) / 127.5f, kSmallestNormalHalf);
  const float inverse = 1.0f / half_to_float(store_half(wanted, scales));
  for (int c = 0; c < n; ++c) {
    codes[c] = uint16_t(int(clamp(or_if_nan(x[c] * inverse + 128.0f, 128.0f), 0.0f, 255.0f)));
  }
}

void decode_grid8(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float s = load_half(scales);
  for (int c = 0; c < n; ++c) x[c] = s * (float(codes[c]) - 127.5f);
}

// Codes are found with the stored scale and zero point: those that decoding will use.
void encode_minmax(int bits, const float* x, int n, uint16_t* codes, uint8_t* scales) {
  constexpr float kRound = 8388608.0f;  // 2^23: adding it leaves an integer, rounded half to even
  const float top = float((1 << bits) - 1);
  const Range r = range_of(x, n);
  const float scale = half_to_float(store_half((r.high - r.low) / top, scales));
  const float zero = half_to_float(store_half(r.low, scales + 2));
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  for (int c = 0; c < n; ++c) {
    const float code = clamp(or_if_nan((x[c] - zero) * inverse, 0.0f), 0.0f, top);
    codes[c] = uint16_t(std::bit_cast<uint32_t>(code + kRound) & 0xffu);
  }
}

void decode_minmax(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float scale = load_half(scales);
  const float zero = load_half(scales + 2);
  for (int c = 0; c < n; ++c) x[c] = zero + scale * float(codes[c]);
}

// ---- kBlock8, kBlock4: the cache types of llama.cpp. The codes are found with the scale before it is rounded. ----

float inverse_or_zero(float d) { return d == 0 ? 0.0f : 1.0f / d; }

void encode_block8(const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const float d = magnitude_of(x, n) / 127.0f;
  const float inverse = inverse_or_zero(d);
  store_half(d, scales);
  for (int c = 0; c < n; ++c) {  // rounds half away from zero
    const float y = clamp(or_if_nan(x[c] * inverse, 0.0f), -127.0f, 127.0f);
    const int whole = int(y);
    const float rest = y - float(whole);
    codes[c] = uint16_t((whole + (rest >= 0.5f) - (rest <= -0.5f)) & 0xff);
  }
}

void decode_block8(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float d = load_half(scales);
  for (int c = 0; c < n; ++c) x[c] = float(int8_t(codes[c])) * d;
}

// The first channel of the largest magnitude, with its sign.
float signed_largest(const float* x, int n) {
  const float magnitude = magnitude_of(x, n);
  for (int c = 0; c < n; ++c) {
    if (std::fabs(x[c]) == magnitude) return x[c];
  }
  return 0;  // nothing but NaN
}

void encode_block4(const float* x, int n, uint16_t* codes, uint8_t* scales) {
  const float d = signed_largest(x, n) / -8.0f;
  const float inverse = inverse_or_zero(d);
  store_half(d, scales);
  for (int c = 0; c < n; ++c) {
    codes[c] = uint16_t(int(clamp(or_if_nan(x[c] * inverse, 0.0f) + 8.5f, 0.0f, 15.0f)));
  }
}

void decode_block4(const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const float d = load_half(scales);
  for (int c = 0; c < n; ++c) x[c] = float(int(codes[c]) - 8) * d;
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

// Positive levels of the Gaussian Lloyd-Max quantiser (Max 1960, table I) as int8 images.
template <int kBits>
struct Levels {
  static constexpr int kCount = 1 << (kBits - 1);
  std::array<float, kCount> image = {};
  std::array<float, kCount> edge = {};       // edge[i]: between image i and i + 1; the last is not used
  std::array<int8_t, 2 * kCount> code = {};  // code order
  float step = 0;                            // the level of image 1

  constexpr explicit Levels(const double (&levels)[kCount]) {
    const double largest = levels[kCount - 1];
    for (int i = 0; i < kCount; ++i) {
      const int rounded = int(levels[i] / largest * 127 + 0.5);
      image[i] = float(rounded);
      code[i] = int8_t(rounded);
      code[i + kCount] = int8_t(-rounded);
    }
    for (int i = 0; i + 1 < kCount; ++i) edge[i] = (image[i] + image[i + 1]) / 2;
    step = float(largest / 127);
  }
};

constexpr Levels<2> kLevels2({.4528, 1.510});
constexpr Levels<3> kLevels3({.2451, .756, 1.344, 2.152});
constexpr Levels<4> kLevels4({.1284, .3881, .6568, .9424, 1.256, 1.618, 2.069, 2.733});

// The scale that fits the row best (least squares) when every channel takes the image nearest at `step`, the value of
// image 1. Sums of image^2 are exact: at most 256 * 127^2 < 2^24.
template <int kBits>
float fit_step(const Levels<kBits>& levels, const float* x, int n, float step) {
  Lanes dot = {};
  Lanes norm = {};
  for (int c = 0; c < n; c += kSumLanes) {
    for (int l = 0; l < kSumLanes; ++l) {
      const float a = std::fabs(x[c + l]);
      float image = levels.image[0];
      for (int i = 0; i + 1 < levels.kCount; ++i) {
        image += a > levels.edge[i] * step ? levels.image[i + 1] - levels.image[i] : 0.0f;
      }
      dot[l] += a * image;
      norm[l] += image * image;
    }
  }
  return sum(dot) / sum(norm);
}

// Scale: the row's root mean square, then two rounds of least squares, each rounded to a byte.
template <int kBits>
uint8_t fit_scale(const Levels<kBits>& levels, const float* x, int n) {
  const uint8_t first = byte_of_scale(std::sqrt(sum_of_squares(x, n) / float(n)));
  uint8_t byte = first > 0 ? first : uint8_t(1);
  for (int round = 0; round < 2 && byte > 0; ++round) {
    byte = byte_of_scale(fit_step(levels, x, n, scale_of_byte(byte) * levels.step) / levels.step);
  }
  return byte;
}

template <int kBits>
void encode_levels(const Levels<kBits>& levels, const float* x, int n, uint16_t* codes, uint8_t* scales) {
  scales[0] = fit_scale(levels, x, n);
  const float step = scale_of_byte(scales[0]) * levels.step;
  const int sign = scales[0] > 0 ? levels.kCount : 0;  // a row of zeros has codes 0
  const int one = scales[0] > 0 ? 1 : 0;
  for (int c = 0; c < n; ++c) {
    int code = x[c] < 0 ? sign : 0;
    for (int i = 0; i + 1 < levels.kCount; ++i) code += std::fabs(x[c]) > levels.edge[i] * step ? one : 0;
    codes[c] = uint16_t(code);
  }
}

void decode_levels(CodecId id, const uint16_t* codes, const uint8_t* scales, int n, float* x) {
  const int8_t* images = codebook(id);
  const float step = scale_of_byte(scales[0]) * codebook_step(id);
  for (int c = 0; c < n; ++c) x[c] = step * float(images[codes[c]]);
}

// ---- scale bytes ----

constexpr int kStepsPerOctave = kScaleStepsPerOctave;
constexpr int kByteOfOne = 128;

// 2^((i + 1/2) / 16) rounded up: a mantissa of at least this is nearer to step i + 1 than to step i.
constexpr uint32_t kBoundaries[kStepsPerOctave] = {0x02cd87, 0x08980f, 0x0ea43a, 0x14f4f0, 0x1b8d3a, 0x227044,
                                                   0x29a15b, 0x3123f6, 0x38fbb0, 0x412c4d, 0x49b9be, 0x52a81e,
                                                   0x5bfbb8, 0x65b907, 0x6fe4ba, 0x7a83b3};

}  // namespace

float scale_of_byte(uint8_t b) {
  if (b == 0) return 0.0f;
  const int steps = b - kByteOfOne + 8 * kStepsPerOctave;  // positive: 8 octaves below 1 and up
  const uint32_t exponent = uint32_t(127 - 8 + steps / kStepsPerOctave);
  return std::bit_cast<float>(exponent << 23 | kScaleMantissas[steps % kStepsPerOctave]);
}

uint8_t byte_of_scale(float scale) {
  if (!(scale >= scale_of_byte(1) / 2)) return 0;
  const uint32_t bits = std::bit_cast<uint32_t>(scale);
  int byte = kByteOfOne + (int(bits >> 23) - 127) * kStepsPerOctave;
  for (const uint32_t boundary : kBoundaries) byte += (bits & 0x7fffffu) >= boundary ? 1 : 0;
  return uint8_t(byte < 1 ? 1 : byte > 255 ? 255 : byte);
}

const int8_t* codebook(CodecId id) {
  switch (id) {
    case CodecId::kLevels4:
      return kLevels4.code.data();
    case CodecId::kLevels3:
      return kLevels3.code.data();
    default:
      LEANKV_CHECK(id == CodecId::kLevels2);
      return kLevels2.code.data();
  }
}

float codebook_step(CodecId id) {
  switch (id) {
    case CodecId::kLevels4:
      return kLevels4.step;
    case CodecId::kLevels3:
      return kLevels3.step;
    default:
      LEANKV_CHECK(id == CodecId::kLevels2);
      return kLevels2.step;
  }
}

void encode_row(CodecId id, const float* x, int head_dim, uint16_t* codes, uint8_t* scales) {
  LEANKV_CHECK(head_dim % kSumLanes == 0 && head_dim <= kMaxHeadDim);
  switch (id) {
    case CodecId::kHalf:
      return encode_half(x, head_dim, codes);
    case CodecId::kGrid8:
      return encode_grid8(x, head_dim, codes, scales);
    case CodecId::kLevels4:
      return encode_levels(kLevels4, x, head_dim, codes, scales);
    case CodecId::kLevels3:
      return encode_levels(kLevels3, x, head_dim, codes, scales);
    case CodecId::kLevels2:
      return encode_levels(kLevels2, x, head_dim, codes, scales);
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
