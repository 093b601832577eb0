#include "base/block_formats.h"

#include <bit>
#include <cstring>

#include "base/error.h"
#include "base/ggml_blocks.h"
#include "base/half.h"

namespace leankv {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF files are read in place, and they are little-endian");

// Formats of single values look like blocks of one.
struct F32Block {
  static constexpr int kSize = 1;
  float value;
  void decode(float* out) const { *out = value; }
};

struct F16Block {
  static constexpr int kSize = 1;
  uint16_t value;
  void decode(float* out) const { *out = half_to_float(value); }
};

struct BF16Block {
  static constexpr int kSize = 1;
  uint16_t value;
  void decode(float* out) const { *out = bfloat16_to_float(value); }
};

template <class Block>
void dequantise_blocks(const std::byte* blocks, int64_t n_blocks, float* out) {
  for (int64_t i = 0; i < n_blocks; ++i) {
    Block block;
    std::memcpy(&block, blocks + i * int64_t(sizeof(Block)), sizeof(Block));
    block.decode(out + i * Block::kSize);
  }
}

template <class Block>
CodeBlock read_block_codes(const std::byte* row, int64_t part) {
  constexpr int kParts = Block::kSize / kCodeBlock;
  Block block;
  std::memcpy(&block, row + part / kParts * int64_t(sizeof(Block)), sizeof(Block));
  return block.read(int(part % kParts));
}

template <class Block>
constexpr WeightFormat row(WeightType type, std::string_view name, uint32_t gguf_id) {
  WeightFormat format{type, name, gguf_id, Block::kSize, int(sizeof(Block)), dequantise_blocks<Block>, {}, nullptr};
  if constexpr (Block::kSize > 1) {
    format.codes = CodeForm{Block::kBits, Block::kZero, Block::kHasMin};
    format.read_codes = read_block_codes<Block>;
  }
  return format;
}

// In the order of WeightType. The numbers are those of ggml's enum ggml_type.
constexpr WeightFormat kFormats[] = {
    row<F32Block>(WeightType::kF32, "F32", 0),     row<F16Block>(WeightType::kF16, "F16", 1),
    row<BF16Block>(WeightType::kBF16, "BF16", 30), row<Q8_0Block>(WeightType::kQ8_0, "Q8_0", 8),
    row<Q4_0Block>(WeightType::kQ4_0, "Q4_0", 2),  row<Q4_1Block>(WeightType::kQ4_1, "Q4_1", 3),
    row<Q5_0Block>(WeightType::kQ5_0, "Q5_0", 6),  row<Q5_1Block>(WeightType::kQ5_1, "Q5_1", 7),
    row<Q4_KBlock>(WeightType::kQ4_K, "Q4_K", 12), row<Q5_KBlock>(WeightType::kQ5_K, "Q5_K", 13),
    row<Q6_KBlock>(WeightType::kQ6_K, "Q6_K", 14),
};

constexpr bool in_order() {
  for (int i = 0; i < int(std::size(kFormats)); ++i) {
    if (int(kFormats[i].type) != i) return false;
  }
  return true;
}
static_assert(in_order(), "weight_format() indexes the table by type");

}  // namespace

std::span<const WeightFormat> weight_formats() { return kFormats; }

const WeightFormat& weight_format(WeightType type) { return kFormats[int(type)]; }

std::optional<CodeForm> code_form(WeightType type) { return weight_format(type).codes; }

CodeBlock read_codes(WeightType type, const std::byte* row, int64_t block) {
  LEANKV_CHECK(code_form(type));
  return weight_format(type).read_codes(row, block);
}

const WeightFormat* find_weight_format(uint32_t gguf_id) {
  for (const WeightFormat& format : kFormats) {
    if (format.gguf_id == gguf_id) return &format;
  }
  return nullptr;
}

std::string weight_format_names() {
  std::string names;
  for (const WeightFormat& format : kFormats) names += (names.empty() ? "" : ", ") + std::string(format.name);
  return names;
}

void dequantise(WeightType type, const std::byte* blocks, int64_t elements, float* out) {
  const WeightFormat& format = weight_format(type);
  LEANKV_CHECK(elements >= 0 && elements % format.block_size == 0);
  format.dequantise(blocks, elements / format.block_size, out);
}

}  // namespace leankv
