// The rules of the codecs for one channel, and their tables: what the scalar specification (quantise.cc) and device
// kernels share. Exact on host and device: each operation is rounded on its own, tables are literals.
#pragma once

#include <bit>
#include <cstdint>

#include "base/half.h"
#include "base/host_device.h"
#include "kv/codec.h"
#include "kv/quantise.h"

namespace leankv {

inline constexpr float kLargestHalf = 65504.0f;
inline constexpr float kSmallestNormalHalf = 6.103515625e-5f;  // 2^-14

LEANKV_HD constexpr float larger(float a, float b) { return b > a ? b : a; }   // a when b is NaN
LEANKV_HD constexpr float smaller(float a, float b) { return b < a ? b : a; }  // a when b is NaN
LEANKV_HD constexpr float or_if_nan(float x, float other) { return x == x ? x : other; }
LEANKV_HD constexpr float clamped(float x, float low, float high) { return smaller(larger(x, low), high); }
LEANKV_HD constexpr float magnitude(float x) { return std::bit_cast<float>(std::bit_cast<uint32_t>(x) & 0x7fffffffu); }

LEANKV_HD constexpr uint16_t finite_half(float value) {
  return float_to_half(clamped(or_if_nan(value, 0.0f), -kLargestHalf, kLargestHalf));
}

// ---- kGrid8 ----

// The smallest scale is a normal half: rows below 127.5 * 2^-14 lose nothing that matters, and s * 127.5 reaches the
// largest channel whatever way the half was rounded. Cell c covers [c - 128, c - 127) * s, its middle is c - 127.5.
LEANKV_HD constexpr uint16_t grid8_scale(float largest) {
  return finite_half(larger(largest / 127.5f, kSmallestNormalHalf));
}
LEANKV_HD constexpr int grid8_code(float x, float inverse) {
  return int(clamped(or_if_nan(x * inverse + 128.0f, 128.0f), 0.0f, 255.0f));
}
LEANKV_HD constexpr float grid8_value(int code, float scale) { return scale * (float(code) - 127.5f); }

// ---- kMinMax: codes are found with the stored scale and zero point, those that decoding will use ----

LEANKV_HD constexpr int minmax_code(float x, float zero, float inverse, float top) {
  constexpr float kRound = 8388608.0f;  // 2^23: adding it leaves an integer, rounded half to even
  const float code = clamped(or_if_nan((x - zero) * inverse, 0.0f), 0.0f, top);
  return int(std::bit_cast<uint32_t>(code + kRound) & 0xffu);
}
LEANKV_HD constexpr float minmax_value(int code, float scale, float zero) { return zero + scale * float(code); }

// ---- kBlock: codes are found with the scale before it is rounded ----

LEANKV_HD constexpr float inverse_or_zero(float d) { return d == 0 ? 0.0f : 1.0f / d; }
// Rounds half away from zero; two's complement in 8 bits.
LEANKV_HD constexpr int block8_code(float x, float inverse) {
  const float y = clamped(or_if_nan(x * inverse, 0.0f), -127.0f, 127.0f);
  const int whole = int(y);
  const float rest = y - float(whole);
  return (whole + (rest >= 0.5f) - (rest <= -0.5f)) & 0xff;
}
LEANKV_HD constexpr float block8_value(int code, float d) { return float(int8_t(code)) * d; }
LEANKV_HD constexpr int block4_code(float x, float inverse) {
  return int(clamped(or_if_nan(x * inverse, 0.0f) + 8.5f, 0.0f, 15.0f));
}
LEANKV_HD constexpr float block4_value(int code, float d) { return float(code - 8) * d; }

// ---- kLevels ----

// Positive levels of the Gaussian Lloyd-Max quantiser (Max 1960, table I) as int8 images; kCount of them.
template <int kCount>
struct LevelTable {
  float image[kCount] = {};            // the largest is 127, the others in proportion, rounded
  float edge[kCount] = {};             // edge[i]: between image i and i + 1; the last is not used
  int8_t code_image[2 * kCount] = {};  // by code: sign in the top bit, level below
  float step = 0;                      // the level of image 1

  constexpr explicit LevelTable(const double (&levels)[kCount]) {
    const double largest = levels[kCount - 1];
    for (int i = 0; i < kCount; ++i) {
      const int rounded = int(levels[i] / largest * 127 + 0.5);
      image[i] = float(rounded);
      code_image[i] = int8_t(rounded);
      code_image[i + kCount] = int8_t(-rounded);
    }
    for (int i = 0; i + 1 < kCount; ++i) edge[i] = (image[i] + image[i + 1]) / 2;
    step = float(largest / 127);
  }
};

LEANKV_HD constexpr bool is_levels(CodecId id) {
  return id == CodecId::kLevels4 || id == CodecId::kLevels3 || id == CodecId::kLevels2;
}

template <int kCount>
constexpr LevelTable<kCount> make_level_table() {
  static_assert(kCount == 2 || kCount == 4 || kCount == 8);
  if constexpr (kCount == 2) return LevelTable<2>({.4528, 1.510});
  if constexpr (kCount == 4) return LevelTable<4>({.2451, .756, 1.344, 2.152});
  if constexpr (kCount == 8) return LevelTable<8>({.1284, .3881, .6568, .9424, 1.256, 1.618, 2.069, 2.733});
}
template <int kCount>
LEANKV_HD const LevelTable<kCount>& level_table() {
  static constexpr LevelTable<kCount> kTable = make_level_table<kCount>();
  return kTable;
}
// Calls f with the table of a codec. REQUIRES is_levels(id).
template <class F>
LEANKV_HD auto with_level_table(CodecId id, F&& f) {
  if (id == CodecId::kLevels4) return f(level_table<8>());
  return id == CodecId::kLevels3 ? f(level_table<4>()) : f(level_table<2>());
}

// The image nearest to a magnitude when image 1 is worth `step`. Sums of integers, so exact in any order.
template <int kCount>
LEANKV_HD float nearest_image(const LevelTable<kCount>& table, float a, float step) {
  float image = table.image[0];
  for (int i = 0; i + 1 < kCount; ++i) {
    image += a > table.edge[i] * step ? table.image[i + 1] - table.image[i] : 0.0f;
  }
  return image;
}
// A row whose scale is 0 has codes 0.
template <int kCount>
LEANKV_HD int level_code(const LevelTable<kCount>& table, float x, float step, bool zero_row) {
  const int sign = zero_row ? 0 : kCount, one = zero_row ? 0 : 1;
  int code = x < 0 ? sign : 0;
  for (int i = 0; i + 1 < kCount; ++i) code += magnitude(x) > table.edge[i] * step ? one : 0;
  return code;
}
// ---- scale bytes ----

inline constexpr int kScaleByteOfOne = 128;

// For each step of an octave its mantissa (quantise.h), and 2^((i + 1/2) / 16) rounded up: a mantissa of at least this
// is nearer to step i + 1 than to step i.
struct ScaleTable {
  uint32_t mantissa[kScaleStepsPerOctave] = {};
  uint32_t nearer[kScaleStepsPerOctave] = {0x02cd87, 0x08980f, 0x0ea43a, 0x14f4f0, 0x1b8d3a, 0x227044,
                                           0x29a15b, 0x3123f6, 0x38fbb0, 0x412c4d, 0x49b9be, 0x52a81e,
                                           0x5bfbb8, 0x65b907, 0x6fe4ba, 0x7a83b3};
  constexpr ScaleTable() {
    for (int i = 0; i < kScaleStepsPerOctave; ++i) mantissa[i] = kScaleMantissas[i];
  }
};
LEANKV_HD inline const ScaleTable& scale_table() {
  static constexpr ScaleTable kTable;
  return kTable;
}

// The value of scale byte b: 2^((b - 128) / 16) rounded to f32; 0 for b = 0.
LEANKV_HD inline float scale_byte_value(int b) {
  if (b == 0) return 0.0f;
  const int steps = b - kScaleByteOfOne + 8 * kScaleStepsPerOctave;  // positive: 8 octaves below 1 and up
  const uint32_t exponent = uint32_t(127 - 8 + steps / kScaleStepsPerOctave);
  return std::bit_cast<float>(exponent << 23 | scale_table().mantissa[steps % kScaleStepsPerOctave]);
}
// The nearest in the log domain, clamped to 1..255. 0 for NaN and for scales less than half of the smallest.
LEANKV_HD inline int nearest_scale_byte(float scale) {
  if (!(scale >= scale_byte_value(1) / 2)) return 0;
  const uint32_t bits = std::bit_cast<uint32_t>(scale);
  int byte = kScaleByteOfOne + (int(bits >> 23) - 127) * kScaleStepsPerOctave;
  for (const uint32_t border : scale_table().nearer) byte += (bits & 0x7fffffu) >= border ? 1 : 0;
  return byte < 1 ? 1 : byte > 255 ? 255 : byte;
}

}  // namespace leankv
