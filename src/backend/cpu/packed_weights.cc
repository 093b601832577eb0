#include "backend/cpu/packed_weights.h"

#include <cstring>
#include <limits>
#include <string>

#include "base/error.h"

namespace leankv {
namespace {

void check_shape(const TensorView& weights) {
  constexpr int64_t kLargest = std::numeric_limits<int>::max() - kTileOutputs;
  const WeightFormat& format = weight_format(weights.type);
  const bool fits = weights.rows > 0 && weights.columns > 0 && weights.rows <= kLargest && weights.columns <= kLargest;
  if (fits && weights.columns % format.block_size == 0) return;
  throw Error(ErrorKind::kUnsupported,
              "tensor " + weights.name + ": " + std::to_string(weights.rows) + " x " + std::to_string(weights.columns) +
                  " in " + std::string(format.name) + " is not a matrix whose rows are whole blocks of " +
                  std::to_string(format.block_size) + "; convert the model again or choose another file type");
}

WeightForm form_of(WeightType type) {
  switch (type) {
    case WeightType::kQ4_0:
      return WeightForm::kCodes4;
    case WeightType::kQ4_1:
      return WeightForm::kCodes4Min;
    case WeightType::kQ8_0:
      return WeightForm::kCodes8;
    case WeightType::kF16:
      return WeightForm::kHalf;
    case WeightType::kBF16:
      return WeightForm::kBfloat16;
    case WeightType::kF32:
      return WeightForm::kFloat;
  }
  LEANKV_CHECK(false);
}

int code_bits(WeightForm form) { return form == WeightForm::kCodes8 ? 8 : 4; }

struct Block {
  uint16_t scale = 0, min = 0;
  uint8_t codes[kBlockInputs] = {};
};

// The blocks of GGUF files: a half scale, in Q4_1 a half minimum, then int8 codes or nibbles, element i in the low and
// element i + 16 in the high half of byte i.
Block read_block(const std::byte* from, WeightForm form) {
  Block block;
  std::memcpy(&block.scale, from, sizeof block.scale);
  from += sizeof block.scale;
  if (form == WeightForm::kCodes4Min) {
    std::memcpy(&block.min, from, sizeof block.min);
    from += sizeof block.min;
  }
  for (int i = 0; i < kBlockInputs; ++i) {
    if (form == WeightForm::kCodes8) {
      block.codes[i] = uint8_t(int(int8_t(from[i])) + 128);
    } else {
      const int pair = int(from[i % (kBlockInputs / 2)]);
      block.codes[i] = uint8_t(i < kBlockInputs / 2 ? pair & 15 : pair >> 4);
    }
  }
  return block;
}

// Puts one output's codes of a block into the block's order (TiledWeights::codes). REQUIRES to holds zeros there.
void place_codes(const Block& block, int bits, int output, uint8_t* to) {
  for (int i = 0; i < kBlockInputs; ++i) {
    const int group = i / 4;
    const int vector = bits == 4 ? group % (kBlockGroups / 2) : group;
    const int shift = bits == 4 && group >= kBlockGroups / 2 ? 4 : 0;
    to[(vector * kTileOutputs + output) * 4 + i % 4] |= uint8_t(block.codes[i] << shift);
  }
}

template <class T>
void place_values(const T* from, int64_t row_columns, int outputs, T* to) {
  for (int64_t c = 0; c < row_columns; ++c) {
    for (int i = 0; i < outputs; ++i) to[c * kTileOutputs + i] = from[i * row_columns + c];
    for (int i = outputs; i < kTileOutputs; ++i) to[c * kTileOutputs + i] = T(0);
  }
}

}  // namespace

CpuPackedWeights::CpuPackedWeights(const TensorView& weights, WeightMemory& memory) : form_(form_of(weights.type)) {
  check_shape(weights);
  rows = int(weights.rows);
  columns = int(weights.columns);
  const size_t padded = size_t(tiles()) * kTileOutputs;
  const WeightFormat& format = weight_format(weights.type);
  if (format.block_size == 1) {
    bytes = int64_t(padded) * columns * format.block_bytes;
    values_ = memory.take(size_t(bytes));
    return;
  }
  const size_t scale_bytes = padded * size_t(columns / kBlockInputs) * sizeof(uint16_t);
  const size_t code_bytes = padded * size_t(columns) * size_t(code_bits(form_)) / 8;
  codes_ = reinterpret_cast<uint8_t*>(memory.take(code_bytes));
  scales_ = reinterpret_cast<uint16_t*>(memory.take(scale_bytes));
  if (form_ == WeightForm::kCodes4Min) mins_ = reinterpret_cast<uint16_t*>(memory.take(scale_bytes));
  bytes = int64_t(code_bytes + scale_bytes * (form_ == WeightForm::kCodes4Min ? 2 : 1));
}

TiledWeights CpuPackedWeights::view() const { return {form_, rows, columns, codes_, scales_, mins_, values_}; }

void CpuPackedWeights::pack_tile(const TensorView& weights, int tile) {
  is_quantised() ? pack_codes(weights, tile) : pack_values(weights, tile);
}

void CpuPackedWeights::pack_values(const TensorView& weights, int tile) {
  const int first = tile * kTileOutputs;
  const int outputs = std::min(kTileOutputs, rows - first);
  const int64_t from = int64_t(first) * columns;
  if (form_ == WeightForm::kFloat) {
    place_values(reinterpret_cast<const float*>(weights.data) + from, columns, outputs,
                 reinterpret_cast<float*>(values_) + from);
  } else {
    place_values(reinterpret_cast<const uint16_t*>(weights.data) + from, columns, outputs,
                 reinterpret_cast<uint16_t*>(values_) + from);
  }
}

void CpuPackedWeights::pack_codes(const TensorView& weights, int tile) {
  const int blocks = columns / kBlockInputs;
  const int first = tile * kTileOutputs;
  const int block_bytes = weight_format(weights.type).block_bytes;
  const int tile_bytes = kTileOutputs * kBlockInputs * code_bits(form_) / 8;
  for (int b = 0; b < blocks; ++b) {
    const int64_t at = int64_t(tile) * blocks + b;
    uint8_t* codes = codes_ + at * tile_bytes;
    std::memset(codes, 0, size_t(tile_bytes));
    for (int i = 0; i < kTileOutputs; ++i) {
      Block block;  // past the last row: zeros
      if (first + i < rows) {
        block = read_block(weights.data + (int64_t(first + i) * blocks + b) * block_bytes, form_);
      }
      place_codes(block, code_bits(form_), i, codes);
      scales_[at * kTileOutputs + i] = block.scale;
      if (mins_ != nullptr) mins_[at * kTileOutputs + i] = block.min;
    }
  }
}

}  // namespace leankv
