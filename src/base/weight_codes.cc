#include "base/weight_codes.h"

#include <algorithm>
#include <cmath>

#include "base/error.h"
#include "base/ggml_blocks.h"

namespace leankv {
namespace {

constexpr float kLargestCode = 127;

// Calls f with the type's block as a type; f(nullptr) where single values have no block.
auto visit_block(WeightType type, const auto& f) {
  switch (type) {
    case WeightType::kQ8_0:
      return f(static_cast<const Q8_0Block*>(nullptr));
    case WeightType::kQ4_0:
      return f(static_cast<const Q4_0Block*>(nullptr));
    case WeightType::kQ4_1:
      return f(static_cast<const Q4_1Block*>(nullptr));
    case WeightType::kQ5_0:
      return f(static_cast<const Q5_0Block*>(nullptr));
    case WeightType::kQ5_1:
      return f(static_cast<const Q5_1Block*>(nullptr));
    case WeightType::kQ4_K:
      return f(static_cast<const Q4_KBlock*>(nullptr));
    case WeightType::kQ5_K:
      return f(static_cast<const Q5_KBlock*>(nullptr));
    case WeightType::kQ6_K:
      return f(static_cast<const Q6_KBlock*>(nullptr));
    case WeightType::kF32:
    case WeightType::kF16:
    case WeightType::kBF16:
      break;
  }
  LEANKV_CHECK(false);
}

template <class Block>
CodeBlock read_from(const std::byte* row, int64_t part) {
  constexpr int kParts = Block::kSize / kCodeBlock;
  Block block;
  std::memcpy(&block, row + part / kParts * int64_t(sizeof block), sizeof block);
  return block.read(int(part % kParts));
}

}  // namespace

std::optional<CodeForm> code_form(WeightType type) {
  if (weight_format(type).block_size == 1) return std::nullopt;
  return visit_block(type, []<class Block>(const Block*) {
    return CodeForm{Block::kBits, Block::kZero, Block::kHasMin};
  });
}

CodeBlock read_codes(WeightType type, const std::byte* row, int64_t block) {
  return visit_block(type, [&]<class Block>(const Block*) { return read_from<Block>(row, block); });
}

CodeBlock codes_of_values(const float* values) {
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
