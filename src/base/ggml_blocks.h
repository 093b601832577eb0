// The bytes of a block of quantised weights, as ggml lays them out (ggml-common.h), and what they mean.
//
// decode() gives every value, bit for bit as the gguf Python package does. read(part) gives 32 of them as codes with
// one scale: value = scale * (code - kZero) + min, of 4 or 8 bits.
#pragma once

#include <cstdint>

#include "base/half.h"
#include "base/weight_codes.h"

namespace leankv {

// Blocks whose parts of 32 have one scale each. Block has code(part, i), scale_of(part) and, with kHasMin,
// min_of(part).
template <class Block>
struct CodedBlock {
  void decode(float* out) const {
    const Block& block = static_cast<const Block&>(*this);
    for (int p = 0; p < Block::kSize / kCodeBlock; ++p) {
      const float scale = block.scale_of(p);
      for (int i = 0; i < kCodeBlock; ++i, ++out) {
        *out = scale * float(block.code(p, i) - Block::kZero);
        if constexpr (Block::kHasMin) *out += block.min_of(p);
      }
    }
  }
  CodeBlock read(int part) const {
    const Block& block = static_cast<const Block&>(*this);
    CodeBlock read{float_to_half(block.scale_of(part)), 0, {}};
    if constexpr (Block::kHasMin) read.min = float_to_half(block.min_of(part));
    for (int i = 0; i < kCodeBlock; ++i) read.codes[i] = uint8_t(block.code(part, i));
    return read;
  }
};

struct Q8_0Block : CodedBlock<Q8_0Block> {
  static constexpr int kSize = 32, kBits = 8, kZero = 128;
  static constexpr bool kHasMin = false;
  uint16_t scale;
  int8_t codes[kSize];

  float scale_of(int) const { return half_to_float(scale); }
  int code(int, int i) const { return codes[i] + kZero; }
};

// Element i of 32 lies in the low half of byte i, element i + 16 in its high half.
inline int nibble(const uint8_t* bytes, int i) { return i < 16 ? bytes[i] & 15 : bytes[i - 16] >> 4; }

struct Q4_0Block : CodedBlock<Q4_0Block> {
  static constexpr int kSize = 32, kBits = 4, kZero = 8;
  static constexpr bool kHasMin = false;
  uint16_t scale;
  uint8_t codes[kSize / 2];

  float scale_of(int) const { return half_to_float(scale); }
  int code(int, int i) const { return nibble(codes, i); }
};

struct Q4_1Block : CodedBlock<Q4_1Block> {
  static constexpr int kSize = 32, kBits = 4, kZero = 0;
  static constexpr bool kHasMin = true;
  uint16_t scale, minimum;
  uint8_t codes[kSize / 2];

  float scale_of(int) const { return half_to_float(scale); }
  float min_of(int) const { return half_to_float(minimum); }
  int code(int, int i) const { return nibble(codes, i); }
};

// The fifth bits are those of a number of 32 bits, which has no alignment.
struct FiveBitCodes {
  uint8_t fifth[kCodeBlock / 8];
  uint8_t lower[kCodeBlock / 2];

  int at(int i) const { return nibble(lower, i) | (fifth[i / 8] >> i % 8 & 1) << 4; }
};

struct Q5_0Block : CodedBlock<Q5_0Block> {
  static constexpr int kSize = 32, kBits = 8, kZero = 128, kMiddle = 16;
  static constexpr bool kHasMin = false;
  uint16_t scale;
  FiveBitCodes codes;

  float scale_of(int) const { return half_to_float(scale); }
  int code(int, int i) const { return codes.at(i) - kMiddle + kZero; }
};

struct Q5_1Block : CodedBlock<Q5_1Block> {
  static constexpr int kSize = 32, kBits = 8, kZero = 128;
  static constexpr bool kHasMin = true;
  uint16_t scale, minimum;
  FiveBitCodes codes;

  float scale_of(int) const { return half_to_float(scale); }
  float min_of(int) const { return half_to_float(minimum); }
  int code(int, int i) const { return codes.at(i) + kZero; }
};

inline constexpr int kSuperBlock = 256;                       // values
inline constexpr int kSuperParts = kSuperBlock / kCodeBlock;  // of 32 values, each with a scale and a minimum

// Scales and minimums of 6 bits for the 8 parts: the first four whole in bytes 0 to 7, whose upper two bits are those
// of the last four, which have their lower four bits in bytes 8 to 11.
struct SixBitPairs {
  uint8_t bytes[12];

  int scale(int part) const {
    return part < 4 ? bytes[part] & 63 : (bytes[part + 4] & 15) | (bytes[part - 4] >> 6) << 4;
  }
  int minimum(int part) const {
    return part < 4 ? bytes[part + 4] & 63 : bytes[part + 4] >> 4 | (bytes[part] >> 6) << 4;
  }
};

// Parts 2 k and 2 k + 1 are the low and the high halves of 32 bytes; value = d scale code - m minimum.
struct Q4_KBlock : CodedBlock<Q4_KBlock> {
  static constexpr int kSize = kSuperBlock, kBits = 4, kZero = 0;
  static constexpr bool kHasMin = true;
  uint16_t scale, minimum;
  SixBitPairs pairs;
  uint8_t codes[kSize / 2];

  float scale_of(int part) const { return half_to_float(scale) * float(pairs.scale(part)); }
  float min_of(int part) const { return -half_to_float(minimum) * float(pairs.minimum(part)); }
  int code(int part, int i) const { return codes[part / 2 * kCodeBlock + i] >> part % 2 * 4 & 15; }
};

// As Q4_K, and the fifth bits of part p are bit p of 32 bytes.
struct Q5_KBlock : CodedBlock<Q5_KBlock> {
  static constexpr int kSize = kSuperBlock, kBits = 8, kZero = 128;
  static constexpr bool kHasMin = true;
  uint16_t scale, minimum;
  SixBitPairs pairs;
  uint8_t fifth[kCodeBlock];
  uint8_t codes[kSize / 2];

  float scale_of(int part) const { return half_to_float(scale) * float(pairs.scale(part)); }
  float min_of(int part) const { return -half_to_float(minimum) * float(pairs.minimum(part)); }
  int code(int part, int i) const {
    return ((codes[part / 2 * kCodeBlock + i] >> part % 2 * 4 & 15) | (fifth[i] >> part & 1) << 4) + kZero;
  }
};

// A scale for each 16 values: value = d scale (code - 32). Each half of 128 values has 64 bytes of lower and 32 of
// upper bits; of its parts of 32, 0 and 1 are in the low, 2 and 3 in the high halves of the former.
struct Q6_KBlock {
  static constexpr int kSize = kSuperBlock, kBits = 8, kZero = 128, kMiddle = 32;
  static constexpr bool kHasMin = false;
  uint8_t low[kSize / 2], high[kSize / 4];
  int8_t scales[kSize / 16];
  uint16_t scale;

  int code(int part, int i) const {
    const int half = part / 4, in_half = part % 4;
    const int four = low[half * 64 + in_half % 2 * kCodeBlock + i] >> in_half / 2 * 4 & 15;
    return four | (high[half * kCodeBlock + i] >> 2 * in_half & 3) << 4;
  }
  void decode_part(int part, float* out) const {
    for (int i = 0; i < kCodeBlock; ++i) {
      const float d = half_to_float(scale) * float(scales[part * 2 + i / 16]);
      out[i] = d * float(code(part, i) - kMiddle);
    }
  }
  void decode(float* out) const {
    for (int p = 0; p < kSuperParts; ++p) decode_part(p, out + p * kCodeBlock);
  }
  CodeBlock read(int part) const {  // two scales become one, at 8 bits
    float values[kCodeBlock];
    decode_part(part, values);
    return codes_of_values(values);
  }
};

static_assert(sizeof(Q8_0Block) == 34 && sizeof(Q4_0Block) == 18 && sizeof(Q4_1Block) == 20, "no padding");
static_assert(sizeof(Q5_0Block) == 22 && sizeof(Q5_1Block) == 24, "no padding");
static_assert(sizeof(Q4_KBlock) == 144 && sizeof(Q5_KBlock) == 176 && sizeof(Q6_KBlock) == 210, "no padding");

}  // namespace leankv
