#include "backend/cpu/packed_weights.h"

#include <cstring>
#include <limits>
#include <string>

#include "base/error.h"
#include "base/weight_codes.h"

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
  if (const std::optional<CodeForm> form = code_form(type)) {
    if (form->bits == 8) return form->has_min ? WeightForm::kCodes8Min : WeightForm::kCodes8;
    return form->has_min ? WeightForm::kCodes4Min : WeightForm::kCodes4;
  }
  if (type == WeightType::kF16) return WeightForm::kHalf;
  return type == WeightType::kBF16 ? WeightForm::kBfloat16 : WeightForm::kFloat;
}

bool has_min(WeightForm form) { return form == WeightForm::kCodes4Min || form == WeightForm::kCodes8Min; }
int code_bits(WeightForm form) { return form == WeightForm::kCodes8 || form == WeightForm::kCodes8Min ? 8 : 4; }

// Puts one output's codes of a block into the block's order (TiledWeights::codes). REQUIRES to holds zeros there.
void place_codes(const CodeBlock& block, int bits, int output, uint8_t* to) {
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
  if (has_min(form_)) mins_ = reinterpret_cast<uint16_t*>(memory.take(scale_bytes));
  bytes = int64_t(code_bytes + scale_bytes * (has_min(form_) ? 2 : 1));
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
  const int64_t row_bytes = weights.row_bytes();
  const int tile_bytes = kTileOutputs * kBlockInputs * code_bits(form_) / 8;
  for (int b = 0; b < blocks; ++b) {
    const int64_t at = int64_t(tile) * blocks + b;
    uint8_t* codes = codes_ + at * tile_bytes;
    std::memset(codes, 0, size_t(tile_bytes));
    for (int i = 0; i < kTileOutputs; ++i) {
      CodeBlock block;  // past the last row: zeros
      if (first + i < rows) block = read_codes(weights.type, weights.data + (first + i) * row_bytes, b);
      place_codes(block, code_bits(form_), i, codes);
      scales_[at * kTileOutputs + i] = block.scale;
      if (mins_ != nullptr) mins_[at * kTileOutputs + i] = block.min;
    }
  }
}

}  // namespace leankv
