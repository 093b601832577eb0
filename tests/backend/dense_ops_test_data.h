// Random weights in every format of GGUF files, and the matrices that the tests of the dense operations share.
#pragma once

#include <cmath>
#include <cstring>
#include <random>
#include <string>
#include <vector>

#include "backend/dense_ops.h"
#include "base/block_formats.h"
#include "base/half.h"

namespace leankv::testing {

inline constexpr double kUnit = 0x1p-24;  // the largest relative error of one f32 rounding

// A matrix that owns its values; rows are `padding` floats further apart than they need to be.
struct Values {
  int rows, columns, stride;
  std::vector<float> data;

  Values(int n_rows, int n_columns, int padding = 0)
      : rows(n_rows), columns(n_columns), stride(n_columns + padding), data(size_t(n_rows) * size_t(stride)) {}
  Matrix matrix() { return {data.data(), rows, columns, stride}; }
  ConstMatrix matrix() const { return {data.data(), rows, columns, stride}; }
  float at(int row, int column) const { return data[size_t(row) * size_t(stride) + size_t(column)]; }
  float& at(int row, int column) { return data[size_t(row) * size_t(stride) + size_t(column)]; }
};

inline Values random_values(int rows, int columns, unsigned seed, int padding = 0) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal;
  Values values(rows, columns, padding);
  for (float& value : values.data) value = normal(random);
  return values;
}

struct Weights {
  std::vector<std::byte> bytes;
  std::vector<float> values;  // [rows, columns]: what the bytes mean
  TensorView view;

  float min(int row, int column) const {  // the smallest value of the block, where its format stores one
    if (view.type != WeightType::kQ4_1) return 0;
    const WeightFormat& format = weight_format(view.type);
    uint16_t half;
    std::memcpy(&half, bytes.data() + (row * view.columns + column) / format.block_size * format.block_bytes + 2, 2);
    return half_to_float(half);
  }
};

inline void put_scale(WeightType type, float scale, std::byte* block) {
  const uint16_t half = type == WeightType::kBF16 ? float_to_bfloat16(scale) : float_to_half(scale);
  if (type == WeightType::kF32) {
    std::memcpy(block, &scale, sizeof scale);
  } else {
    std::memcpy(block, &half, sizeof half);
  }
}

// Codes are uniform, so every code of 4 and of 8 bits occurs; scales are normal, of either sign.
inline Weights random_weights(WeightType type, int rows, int columns, unsigned seed) {
  std::mt19937 random(seed);
  std::normal_distribution<float> normal(0, 0.05f);
  const WeightFormat& format = weight_format(type);
  const int64_t elements = int64_t(rows) * columns;
  Weights weights;
  weights.bytes.resize(size_t(elements / format.block_size * format.block_bytes));
  for (std::byte& byte : weights.bytes) byte = std::byte(random() & 255);
  for (size_t at = 0; at < weights.bytes.size(); at += size_t(format.block_bytes)) {
    put_scale(type, normal(random), weights.bytes.data() + at);
    if (type == WeightType::kQ4_1) put_scale(type, normal(random) * 8, weights.bytes.data() + at + 2);
  }
  weights.values.resize(size_t(elements));
  dequantise(type, weights.bytes.data(), elements, weights.values.data());
  weights.view = {"blk.7.ffn_up.weight", type, rows, columns, weights.bytes.data()};
  return weights;
}

inline constexpr WeightType kWeightTypes[] = {WeightType::kF32,  WeightType::kF16,  WeightType::kBF16,
                                              WeightType::kQ8_0, WeightType::kQ4_0, WeightType::kQ4_1};
inline constexpr Activations kActivations[] = {Activations::kExact, Activations::kInt8, Activations::kF32};

inline std::string activations_name(Activations activations) {
  return activations == Activations::kExact ? "Exact" : activations == Activations::kInt8 ? "Int8" : "F32";
}

}  // namespace leankv::testing
