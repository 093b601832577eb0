// The weight formats of GGUF files that this program reads: one row each.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>

#include "base/weight_codes.h"

namespace leankv {

enum class WeightType { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_1, kQ5_0, kQ5_1, kQ4_K, kQ5_K, kQ6_K };

struct WeightFormat {
  WeightType type;
  std::string_view name;  // as GGUF tools print it: "Q4_1"
  uint32_t gguf_id;       // ggml_type number in the file
  int block_size;         // elements per block
  int block_bytes;
  // blocks [n_blocks * block_bytes bytes, any alignment], out [n_blocks * block_size]
  void (*dequantise)(const std::byte* blocks, int64_t n_blocks, float* out);
  std::optional<CodeForm> codes;  // none of single values (F32, F16, BF16)
  CodeBlock (*read_codes)(const std::byte* row, int64_t block);
};

std::span<const WeightFormat> weight_formats();
const WeightFormat& weight_format(WeightType type);
const WeightFormat* find_weight_format(uint32_t gguf_id);  // nullptr when not read by this program
std::string weight_format_names();                         // "F32, F16, ...": for messages that list what works

// Bit-identical to the gguf Python package. REQUIRES elements is a multiple of the block size.
void dequantise(WeightType type, const std::byte* blocks, int64_t elements, float* out);

// Values [32 block, 32 block + 32) of a row. Without loss where a file's block has one scale in a half of its own. Q4_K
// and Q5_K multiply two numbers to a scale and to a minimum; these are rounded to halves. Q6_K has two scales in 32
// values, which become codes of 8 bits: at most half of 1/127 of the largest value away. REQUIRES code_form(type).
CodeBlock read_codes(WeightType type, const std::byte* row, int64_t block);
std::optional<CodeForm> code_form(WeightType type);

}  // namespace leankv
