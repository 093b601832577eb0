// How rows are rotated, become codes and come back: the scalar specification (hadamard.h, quantise.h), or a backend's
// functions with the same bits.
#pragma once

#include "kv/hadamard.h"
#include "kv/quantise.h"

namespace leankv {

struct RowCodec {
  using Encode = void(CodecId id, const float* x, int head_dim, uint16_t* codes, uint8_t* scales);
  using Decode = void(CodecId id, const uint16_t* codes, const uint8_t* scales, int head_dim, float* x);
  using Rotate = void(float* x, int head_dim);
  Encode* encode;    // encode_row
  Decode* decode;    // decode_row
  Rotate* hadamard;  // hadamard (hadamard.h)
};
inline constexpr RowCodec kScalarRowCodec = {encode_row, decode_row, hadamard};

}  // namespace leankv
