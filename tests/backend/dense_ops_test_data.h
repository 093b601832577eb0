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
  std::vector<float> packed;  // [rows, columns]: what is left of it in the codes that backends pack
  std::vector<float> mins;    // [rows, columns / 32]: the blocks' minimums, 0 where there are none
  TensorView view;

  float min(int row, int column) const { return mins[size_t(row * view.columns + column) / kCodeBlock]; }
};

inline void put_scale(WeightType type, float scale, std::byte* block) {
  const uint16_t half = type == WeightType::kBF16 ? float_to_bfloat16(scale) : float_to_half(scale);
  if (type == WeightType::kF32) {
    std::memcpy(block, &scale, sizeof scale);
  } else {
    std::memcpy(block, &half, sizeof half);
  }
}

// Codes are uniform, so every code of 4, 5, 6 and of 8 bits occurs; scales are normal, of either sign. Those of
// superblocks are multiplied with integers up to 63 and 127.
inline void put_scales(WeightType type, std::mt19937& random, std::byte* block) {
  const WeightFormat& format = weight_format(type);
  std::normal_distribution<float> normal(0, format.block_size > kCodeBlock ? 0.002f : 0.05f);
  put_scale(type, normal(random), block + (type == WeightType::kQ6_K ? format.block_bytes - 2 : 0));
  const auto form = code_form(type);
  if (form && form->has_min) put_scale(type, normal(random) * 8, block + 2);
}

inline void read_packed(Weights& weights) {
  const TensorView& v = weights.view;
  weights.packed = weights.values;
  weights.mins.assign(weights.values.size() / kCodeBlock + 1, 0);
  const auto form = code_form(v.type);
  for (size_t b = 0; form && b < weights.values.size() / kCodeBlock; ++b) {
    const CodeBlock block = read_codes(v.type, v.data, int64_t(b));
    weights.mins[b] = half_to_float(block.min);
    for (size_t i = 0; i < kCodeBlock; ++i) {
      weights.packed[b * kCodeBlock + i] =
          half_to_float(block.scale) * float(block.codes[i] - form->zero) + weights.mins[b];
    }
  }
}

inline Weights random_weights(WeightType type, int rows, int columns, unsigned seed) {
  std::mt19937 random(seed);
  const WeightFormat& format = weight_format(type);
  const int64_t elements = int64_t(rows) * columns;
  Weights weights;
  weights.bytes.resize(size_t(elements / format.block_size * format.block_bytes));
  for (std::byte& byte : weights.bytes) byte = std::byte(random() & 255);
  for (size_t at = 0; at < weights.bytes.size(); at += size_t(format.block_bytes)) {
    put_scales(type, random, weights.bytes.data() + at);
  }
  weights.values.resize(size_t(elements));
  dequantise(type, weights.bytes.data(), elements, weights.values.data());
  weights.view = {"blk.7.ffn_up.weight", type, rows, columns, weights.bytes.data()};
  read_packed(weights);
  return weights;
}

// The next number of columns that has whole blocks.
inline int whole_blocks(WeightType type, int columns) {
  const int block = weight_format(type).block_size;
  return (columns + block - 1) / block * block;
}

inline constexpr WeightType kWeightTypes[] = {
    WeightType::kF32,  WeightType::kF16,  WeightType::kBF16, WeightType::kQ8_0, WeightType::kQ4_0, WeightType::kQ4_1,
    WeightType::kQ5_0, WeightType::kQ5_1, WeightType::kQ4_K, WeightType::kQ5_K, WeightType::kQ6_K};
inline constexpr Activations kActivations[] = {Activations::kExact, Activations::kInt8, Activations::kF32};

inline std::string activations_name(Activations activations) {
  return activations == Activations::kExact ? "Exact" : activations == Activations::kInt8 ? "Int8" : "F32";
}

}  // namespace leankv::testing
