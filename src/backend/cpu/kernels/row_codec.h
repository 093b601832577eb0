// kv/quantise.h in vectors: equal codes, scales and floats, to the bit. The formats of others (kMinMax*, kBlock*) go
// through the scalar functions.
#pragma once

#include "backend/cpu/kernels/kernels.h"
#include "kv/row_codec.h"

namespace leankv {

const RowCodec& row_codec(ScalarIsa);
const RowCodec& row_codec(Avx2Isa);
const RowCodec& row_codec(AvxVnniIsa);
const RowCodec& row_codec(Avx512Isa);
const RowCodec& row_codec(Avx512VnniIsa);
const RowCodec& row_codec(NeonIsa);
const RowCodec& row_codec(NeonDotIsa);
const RowCodec& row_codec(NeonI8mmIsa);
const RowCodec& row_codec(Isa isa);

}  // namespace leankv
