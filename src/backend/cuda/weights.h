// Weights of a linear layer on a device: in the order in which tensor cores take them, packed without loss from a
// file's blocks, and, where memory allows, as halves for products with many rows.
#pragma once

#include <cstdint>
#include <vector>

#include "backend/cuda/device.h"
#include "backend/dense_ops.h"

namespace leankv {

inline constexpr int kWeightRows = 16;   // outputs of a tile
inline constexpr int kWeightBlock = 32;  // inputs that share a scale
inline constexpr int kWeightStep = 16;   // inputs of one product

enum class WeightCodes { k4, k8, kHalf };

// Codes: [tiles][steps of 16 inputs][lanes of a warp] words, 1, 2 or 4 each. Lane l holds rows l / 4 and l / 4 + 8 of
// the tile, inputs 4 (l % 4) to + 3 of the step: four codes of the first row, then four of the second; of 4 bits the
// even ones in the lower and the odd ones in the upper half of the word. value = scale * (code - offset) + min; of
// halves scale * code, scale a power of two for the whole row.
struct WeightTiles {
  WeightCodes codes;
  int rows, columns;
  int blocks;  // of inputs with a scale of their own: columns / 32, or 1 of halves
  const uint32_t* words;
  const float *scales, *mins;  // [tiles][blocks][16]; mins may be null

  LEANKV_HD int tiles() const { return (rows + kWeightRows - 1) / kWeightRows; }
  LEANKV_HD int steps() const { return columns / kWeightStep; }
  LEANKV_HD int offset() const { return codes == WeightCodes::k8 ? 128 : mins == nullptr ? 8 : 0; }
  LEANKV_HD int words_of_lane() const { return codes == WeightCodes::k4 ? 1 : codes == WeightCodes::k8 ? 2 : 4; }
};

// The same on the host.
struct HostWeights {
  WeightCodes codes;
  int rows, columns, blocks;
  std::vector<uint32_t> words;
  std::vector<float> scales, mins;
};
// Throws kUnsupported, naming the tensor, for a shape that it cannot take.
HostWeights tile_weights(const TensorView& weights);

class CudaPackedWeights : public PackedWeights {
 public:
  CudaPackedWeights(Device& device, const HostWeights& weights);
  WeightTiles tiles() const;
  // Values rounded to halves, each row over its power of two: [rows, columns] and [rows]. Null until they are kept.
  const uint16_t* halves() const { return halves_.data(); }
  const float* half_scales() const { return half_scales_.data(); }
  void keep_halves(Device& device);

 private:
  WeightCodes codes_;
  int blocks_;
  DeviceArray<uint32_t> words_;
  DeviceArray<float> scales_, mins_;
  DeviceArray<uint16_t> halves_;
  DeviceArray<float> half_scales_;
};

}  // namespace leankv
