// The rotation of one instruction set's RowCodec; only for files of this folder.
#pragma once

namespace leankv::LEANKV_ISA_NS {

void rotate(float* x, int head_dim);  // as kv/hadamard.h, to the bit

}  // namespace leankv::LEANKV_ISA_NS
