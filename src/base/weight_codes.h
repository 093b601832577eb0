// Quantised weights as every backend packs them: blocks of 32 codes with one scale and, in some formats, a minimum.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>

#include "base/block_formats.h"

namespace leankv {

inline constexpr int kCodeBlock = 32;  // weights

// value = scale * (code - zero) + min
struct CodeForm {
  int bits;  // of the largest code: 4 or 8
  int zero;  // 8 or 0 of 4 bits, 128 of 8
  bool has_min;
};

struct CodeBlock {
  uint16_t scale = 0, min = 0;  // IEEE halves
  uint8_t codes[kCodeBlock] = {};
};

// None for F32, F16 and BF16.
std::optional<CodeForm> code_form(WeightType type);

// Values [32 block, 32 block + 32) of a row. Without loss where a file's block has one scale in a half of its own. Q4_K
// and Q5_K multiply two numbers to a scale and to a minimum; these are rounded to halves. Q6_K has two scales in 32
// values, which become codes of 8 bits: at most half of 1/127 of the largest value away. REQUIRES code_form(type).
CodeBlock read_codes(WeightType type, const std::byte* row, int64_t block);

// Codes of 8 bits around 128, the scale a 127th of the largest value.
CodeBlock codes_of_values(const float* values);

}  // namespace leankv
