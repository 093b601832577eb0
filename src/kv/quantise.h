// The scalar specification of every codec: one row in, codes and scales out, and back. Every other implementation must
// give equal codes and scales. LeanKV v1 section 3 (unequal precision); codebooks: docs/compression.md.
#pragma once

#include <cstdint>

#include "kv/codec.h"

namespace leankv {

// x [head_dim], codes [head_dim] (one code each; IEEE half bits for kHalf), scales [scale_bytes(id, head_dim)].
void encode_row(CodecId id, const float* x, int head_dim, uint16_t* codes, uint8_t* scales);
void decode_row(CodecId id, const uint16_t* codes, const uint8_t* scales, int head_dim, float* x);

// The value of scale byte b: 2^((b - 128) / 16).
float scale_of_byte(uint8_t b);
// The nearest scale byte, by comparison in the log domain without log2 (equal on every machine).
uint8_t byte_of_scale(float scale);
// The value of each code before scaling: the codebook's int8 images; 1 << bits entries, code order
// (sign in the top bit of the code, magnitude level below).
const int8_t* codebook(CodecId id);

}  // namespace leankv
