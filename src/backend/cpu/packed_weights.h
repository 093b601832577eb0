// Weights of a linear layer in the tiles that the kernels read, packed from a file's blocks (base/weight_codes.h).
#pragma once

#include <cstddef>
#include <cstdint>

#include "backend/cpu/kernels/linear.h"
#include "backend/cpu/weight_memory.h"
#include "backend/dense_ops.h"
#include "base/tensor_view.h"

namespace leankv {

// A view of weights in `memory`, which outlives it. Immutable once every tile is packed; then any thread may read it.
class CpuPackedWeights : public PackedWeights {
 public:
  // Throws kUnsupported, naming the tensor, when it is empty, too large to count in ints, or cuts a block.
  CpuPackedWeights(const TensorView& weights, WeightMemory& memory);

  int tiles() const { return (rows + kTileOutputs - 1) / kTileOutputs; }
  bool is_quantised() const { return codes_ != nullptr; }
  TiledWeights view() const;

  // Fills one tile; different tiles may be filled by different threads. REQUIRES weights of the constructor.
  void pack_tile(const TensorView& weights, int tile);

 private:
  void pack_values(const TensorView& weights, int tile);
  void pack_codes(const TensorView& weights, int tile);

  WeightForm form_;
  uint8_t* codes_ = nullptr;  // these as in TiledWeights
  uint16_t *scales_ = nullptr, *mins_ = nullptr;
  std::byte* values_ = nullptr;
};

}  // namespace leankv
