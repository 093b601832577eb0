#include "base/weight_codes.h"

#include <algorithm>
#include <cmath>

#include "base/half.h"

namespace leankv {

CodeBlock codes_of_values(const float* values) {
  constexpr float kLargestCode = 127;
  float largest = 0;
  for (int i = 0; i < kCodeBlock; ++i) largest = std::max(largest, std::fabs(values[i]));
  CodeBlock block{float_to_half(largest / kLargestCode), 0, {}};
  const float step = half_to_float(block.scale), per_step = step > 0 ? 1 / step : 0;
  for (int i = 0; i < kCodeBlock; ++i) {
    const float code = std::clamp(std::nearbyint(values[i] * per_step), -kLargestCode, kLargestCode);
    block.codes[i] = uint8_t(int(code) + 128);
  }
  return block;
}

}  // namespace leankv
