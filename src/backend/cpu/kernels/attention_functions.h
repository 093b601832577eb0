// The functions behind one instruction set's AttentionKernels; only for files of this folder.
#pragma once

#include "backend/cpu/kernels/attention.h"

namespace leankv::LEANKV_ISA_NS {

void decode_keys(const PageLayout& layout, const std::byte* page, int tokens, float* keys, std::ptrdiff_t stride);
void decode_values(const PageLayout& layout, const std::byte* page, int tokens, float* values);

}  // namespace leankv::LEANKV_ISA_NS
