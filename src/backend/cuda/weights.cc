#include "backend/cuda/weights.h"

#include <bit>
#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include "backend/cuda/dense.cuh"
#include "base/error.h"
#include "base/half.h"

namespace leankv {
namespace {

void check_shape(const TensorView& w) {
  constexpr int64_t kMost = std::numeric_limits<int>::max() - kWeightRows;
  const WeightFormat& format = weight_format(w.type);
  const bool fits = w.rows > 0 && w.columns > 0 && w.rows <= kMost && w.columns <= kMost;
  if (fits && w.columns % kWeightBlock == 0 && w.columns % format.block_size == 0) return;
  throw Error(ErrorKind::kUnsupported, "tensor " + w.name + ": " + std::to_string(w.rows) + " x " +
                                           std::to_string(w.columns) + " in " + std::string(format.name) +
                                           ": rows must be whole blocks of 32; convert the model again");
}

// Products of 8-bit codes have no minimum: such weights (Q5_1, Q5_K) become halves.
WeightCodes codes_of(WeightType type) {
  const std::optional<CodeForm> form = code_form(type);
  if (!form || (form->bits == 8 && form->has_min)) return WeightCodes::kHalf;
  return form->bits == 4 ? WeightCodes::k4 : WeightCodes::k8;
}

// Where input `column` of output `row` lies: index of its word and bit in it.
struct Place {
  std::size_t word;
  int shift;
};
Place place_of(const HostWeights& w, int row, int column) {
  const int steps = w.columns / kWeightStep, in_step = column % kWeightStep, in_tile = row % kWeightRows;
  const std::size_t lane = std::size_t(in_tile % 8 * 4 + in_step / 4);
  const std::size_t at = (std::size_t(row / kWeightRows) * steps + column / kWeightStep) * kWarp + lane;
  const int code = in_tile / 8 * 4 + in_step % 4;  // of the lane's eight
  if (w.codes == WeightCodes::k4) return {at, 4 * (code / 2 + code % 2 * 4)};
  if (w.codes == WeightCodes::k8) return {at * 2 + code / 4, 8 * (code % 4)};
  return {at * 4 + code / 2, 16 * (code % 2)};
}

void tile_quantised(const TensorView& weights, HostWeights& w) {
  for (int r = 0; r < w.rows; ++r) {
    const std::byte* row = weights.data + r * weights.row_bytes();
    for (int b = 0; b < w.blocks; ++b) {
      const CodeBlock block = read_codes(weights.type, row, b);
      const std::size_t scale = (std::size_t(r / kWeightRows) * w.blocks + b) * kWeightRows + r % kWeightRows;
      w.scales[scale] = half_to_float(block.scale);
      if (!w.mins.empty()) w.mins[scale] = half_to_float(block.min);
      for (int i = 0; i < kWeightBlock; ++i) {
        const Place place = place_of(w, r, b * kWeightBlock + i);
        w.words[place.word] |= uint32_t(block.codes[i]) << place.shift;
      }
    }
  }
}

// Each row over the power of two above its largest value.
void tile_values(const TensorView& weights, HostWeights& w) {
  std::vector<float> row(std::size_t(w.columns));
  for (int r = 0; r < w.rows; ++r) {
    dequantise(weights.type, weights.data + r * weights.row_bytes(), w.columns, row.data());
    float largest = 0;
    for (const float x : row) largest = std::max(largest, std::fabs(x));
    int exponent = 0;
    std::frexp(largest, &exponent);
    w.scales[std::size_t(r)] = std::ldexp(1.0f, exponent);
    for (int c = 0; c < w.columns; ++c) {
      const Place place = place_of(w, r, c);
      w.words[place.word] |= uint32_t(float_to_half(std::ldexp(row[std::size_t(c)], -exponent))) << place.shift;
    }
  }
}

}  // namespace

HostWeights tile_weights(const TensorView& weights) {
  check_shape(weights);
  HostWeights w{codes_of(weights.type), int(weights.rows), int(weights.columns), 1, {}, {}, {}};
  const bool quantised = w.codes != WeightCodes::kHalf;
  if (quantised) w.blocks = w.columns / kWeightBlock;
  const std::size_t rows = std::size_t(w.rows + kWeightRows - 1) / kWeightRows * kWeightRows;
  const int bits = w.codes == WeightCodes::k4 ? 4 : w.codes == WeightCodes::k8 ? 8 : 16;
  w.words.assign(rows * std::size_t(w.columns) * std::size_t(bits) / 32, 0);
  w.scales.assign(rows * std::size_t(w.blocks), 0);
  if (quantised && code_form(weights.type)->has_min) w.mins.assign(w.scales.size(), 0);
  quantised ? tile_quantised(weights, w) : tile_values(weights, w);
  return w;
}

CudaPackedWeights::CudaPackedWeights(Device& device, const HostWeights& w)
    : codes_(w.codes),
      blocks_(w.blocks),
      words_(device, w.words.size()),
      scales_(device, w.scales.size()),
      mins_(w.mins.empty() ? DeviceArray<float>() : DeviceArray<float>(device, w.mins.size())) {
  rows = w.rows, columns = w.columns;
  bytes = int64_t(w.words.size() * sizeof(uint32_t) + (w.scales.size() + w.mins.size()) * sizeof(float));
  device.upload(words_.data(), w.words.data(), w.words.size() * sizeof(uint32_t));
  device.upload(scales_.data(), w.scales.data(), w.scales.size() * sizeof(float));
  if (!w.mins.empty()) device.upload(mins_.data(), w.mins.data(), w.mins.size() * sizeof(float));
}

WeightTiles CudaPackedWeights::tiles() const {
  return {codes_, rows, columns, blocks_, words_.data(), scales_.data(), mins_.data()};
}

void CudaPackedWeights::keep_halves(Device& device) {
  halves_ = DeviceArray<uint16_t>(device, std::size_t(rows) * std::size_t(columns));
  half_scales_ = DeviceArray<float>(device, std::size_t(rows));
  device.launch<HalvesKernel>({rows}, {tiles(), 0, halves_.data(), half_scales_.data()});
}

}  // namespace leankv
