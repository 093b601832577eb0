// Touches all that a GGUF file hands out, so that a sanitizer sees a view that leaves the file.
#pragma once

#include <algorithm>
#include <cstdint>
#include <span>
#include <sstream>
#include <vector>

#include "base/block_formats.h"
#include "base/error.h"
#include "loader/describe.h"
#include "loader/gguf.h"

namespace leankv::test {

// A sum that depends on every byte, so that no read can be optimised away.
inline double read_value(const GgufValue& value) {
  double sum = double(value.count);
  for (std::byte b : value.bytes) sum += double(std::to_integer<int>(b));
  sum += value.number().value_or(0) + double(value.boolean().value_or(false));
  if (const auto text = value.string()) sum += double(std::ranges::count(*text, 'a'));
  if (const auto texts = value.strings()) {
    for (std::string_view text : *texts) sum += double(std::ranges::count(text, 'a'));
  }
  if (const auto numbers = value.numbers()) sum += double(numbers->size());
  if (const auto integers = value.integers()) sum += double(integers->size());
  return sum;
}

// The first and the last block: what lies between is inside when both are.
inline double read_tensor(const TensorView& tensor) {
  const WeightFormat& format = weight_format(tensor.type);
  std::vector<float> block(format.block_size);
  const int64_t blocks = tensor.rows * tensor.columns / format.block_size;
  double sum = 0;
  for (int64_t at : {int64_t{0}, blocks - 1}) {
    dequantise(tensor.type, tensor.data + at * format.block_bytes, format.block_size, block.data());
    for (float x : block) sum += double(x);
  }
  return sum;
}

// Throws leankv::Error, and nothing else, for a file that cannot be opened.
inline double read_everything(std::span<const std::byte> bytes) {
  const GgufFile file(bytes, "bytes");
  std::ostringstream text;
  describe(file, text);
  double sum = double(text.str().size());
  for (const MetadataEntry& entry : file.metadata()) sum += read_value(entry.value);
  for (const TensorInfo& info : file.tensors()) {
    if (find_weight_format(info.type_id) != nullptr && info.dimensions <= 2) sum += read_tensor(file.tensor(info.name));
  }
  return sum;
}

}  // namespace leankv::test
