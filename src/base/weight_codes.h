// Quantised weights as every backend packs them: blocks of 32 codes with one scale and, in some formats, a minimum.
#pragma once

#include <cstdint>

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

// Codes of 8 bits around 128, the scale a 127th of the largest value.
CodeBlock codes_of_values(const float* values);

}  // namespace leankv
