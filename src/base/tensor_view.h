// A weight matrix as it lies in a file. Valid as long as the mapped file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>

#include "base/block_formats.h"

namespace leankv {

struct TensorView {
  std::string name;
  WeightType type = WeightType::kF32;
  int64_t rows = 0;                 // outputs
  int64_t columns = 0;              // inputs, contiguous; a multiple of the type's block size
  const std::byte* data = nullptr;  // [rows, columns] in blocks of the type

  int64_t row_bytes() const {
    const WeightFormat& format = weight_format(type);
    return columns / format.block_size * format.block_bytes;
  }
};

}  // namespace leankv
