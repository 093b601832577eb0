// Weights of a linear layer in the tiles that the kernels read, packed without loss from a file's blocks.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <new>

#include "backend/cpu/kernels/linear.h"
#include "backend/dense_ops.h"
#include "base/tensor_view.h"

namespace leankv {

// Uninitialised bytes that start on a cache line. Move-only owner.
class AlignedBytes {
 public:
  AlignedBytes() = default;
  explicit AlignedBytes(size_t bytes) : data_(static_cast<std::byte*>(::operator new(bytes, kAlignment))) {}
  template <class T>
  T* as() const {
    return reinterpret_cast<T*>(data_.get());
  }

 private:
  static constexpr std::align_val_t kAlignment{64};
  struct Release {
    void operator()(std::byte* data) const { ::operator delete(data, kAlignment); }
  };
  std::unique_ptr<std::byte[], Release> data_;
};

// Immutable once every tile is packed; then any thread may read it.
class CpuPackedWeights : public PackedWeights {
 public:
  // Throws kUnsupported, naming the tensor, when it is empty, too large to count in ints, or cuts a block.
  explicit CpuPackedWeights(const TensorView& weights);

  int tiles() const { return (rows + kTileOutputs - 1) / kTileOutputs; }
  bool is_quantised() const { return codes_.as<uint8_t>() != nullptr; }
  TiledWeights view() const;

  // Fills one tile; different tiles may be filled by different threads. REQUIRES weights of the constructor.
  void pack_tile(const TensorView& weights, int tile);

 private:
  void pack_values(const TensorView& weights, int tile);
  void pack_codes(const TensorView& weights, int tile);

  WeightForm form_;
  AlignedBytes codes_, scales_, mins_, values_;  // as in TiledWeights
};

}  // namespace leankv
