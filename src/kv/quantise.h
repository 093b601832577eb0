// The scalar specification of every codec: one row in, codes and scales out, and back. Every other implementation must
// give equal codes and scales. LeanKV v1 section 3 (unequal precision); codebooks: docs/page-format.md.
//
// Equal on every machine: f32 additions, products, divisions and square roots only, each rounded on its own (no fused
// multiply-add, no libm). A sum over a row runs in kSumLanes partial sums, channel c into lane c % kSumLanes in
// ascending order; then lanes l and l + 8 are added, then l + 4, l + 2, l + 1.
//
// A row may hold anything. Scales are clamped to what their format holds, so rows that are too large saturate; only
// kHalf keeps infinities and NaN. Otherwise a NaN channel takes the code nearest zero (kMinMax: code 0) and the others
// are as without it, except that it turns a codebook row into zeros; an infinity saturates (in kBlock: the block
// decodes to zeros).
#pragma once

#include <cstdint>

#include "kv/codec.h"

namespace leankv {

inline constexpr int kSumLanes = 16;

// x [head_dim], codes [head_dim] (one code each; IEEE half bits for kHalf, two's complement in 8 bits for kBlock8),
// scales [scale_bytes(id, head_dim)], fp16 little endian, scale before zero point.
// REQUIRES head_dim a multiple of 16, at most kMaxHeadDim.
void encode_row(CodecId id, const float* x, int head_dim, uint16_t* codes, uint8_t* scales);
void decode_row(CodecId id, const uint16_t* codes, const uint8_t* scales, int head_dim, float* x);

inline constexpr int kScaleStepsPerOctave = 16;
// 2^(i / 16) rounded to f32: the 23 bits of its mantissa.
inline constexpr uint32_t kScaleMantissas[kScaleStepsPerOctave] = {
    0x000000, 0x05aac3, 0x0b95c2, 0x11c3d3, 0x1837f0, 0x1ef532, 0x25fed7, 0x2d583f,
    0x3504f3, 0x3d08a4, 0x45672a, 0x4e248c, 0x5744fd, 0x60ccdf, 0x6ac0c7, 0x75257d};
// The value of scale byte b: 2^((b - 128) / 16) rounded to f32; 0 for b = 0.
float scale_of_byte(uint8_t b);
// The scale byte nearest in the log domain, clamped to 1..255, without log2. 0 for NaN and for scales less than half of
// the smallest: there zeros are nearer to a row than the smallest scale is (least squares).
uint8_t byte_of_scale(float scale);

// Codebook codecs (kLevels*): value = (scale_of_byte(b) * codebook_step) * codebook[code], in this order.
// The int8 images of the levels: 1 << bits entries, code order (sign in the top bit of the code, magnitude level
// below); the largest is 127, the others in proportion, rounded.
const int8_t* codebook(CodecId id);
float codebook_step(CodecId id);  // largest level / 127

}  // namespace leankv
