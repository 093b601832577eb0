// The functions behind one instruction set's AttentionKernels; only for files of this folder.
#pragma once

#include "backend/cpu/kernels/attention.h"

namespace leankv::LEANKV_ISA_NS {

void decode_keys(const PageLayout& layout, const std::byte* page, int tokens, float* keys, std::ptrdiff_t stride);
void decode_values(const PageLayout& layout, const std::byte* page, int tokens, float* values);

// AttentionKernels::key_logits and sum_values, of halves and of integer codes.
void half_logits(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride);
void code_logits(const TokenRun& run, const GroupQueries& q, float* logits, std::ptrdiff_t stride);
void sum_halves(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count, float* out);
void sum_codes(const TokenRun& run, const float* weights, std::ptrdiff_t stride, int count, float* out);

extern const PairKernels kPairKernels;  // AttentionKernels::pairs
void weigh(const WeightRows& w);        // PairKernels::weigh

void update_significances(uint16_t* bits, int n, const float* observed, const ObservedQueries& queries);
void quantise_queries(const float* q, int count, int head_dim, int8_t* codes, float* unit, int32_t* sum);

}  // namespace leankv::LEANKV_ISA_NS
