// The dense operations on a device. Few rows are multiplied straight with packed weights; many as halves, by the
// library. Either way activations are halves over a power of two per row (for few rows the sum of two halves), so the
// result of a row depends on the number of rows within rounding.
#pragma once

#include <map>

#include "backend/cuda/step_inputs.h"
#include "backend/cuda/weights.h"

namespace leankv {

// Used from one thread, like its device, which outlives it.
class CudaDenseOps : public DenseOps {
 public:
  static constexpr int kFewRows =
      16;  // read packed weights twice at most: halves would be four times the bytes of 4 bits

  CudaDenseOps(Device& device, StepInputs& inputs);

  std::string_view name() const override { return device_.name(); }
  std::unique_ptr<MatrixMemory> make_memory() override;
  ConstMatrix download(ConstMatrix x) override;
  void embed(const TensorView& table, std::span<const int> tokens, Matrix x) override;
  void angles(std::span<const int> positions, std::span<const double> inverse_frequencies, Matrix cos,
              Matrix sin) override;
  Matrix keep_rows(Matrix x, std::span<const int> rows) override;

  std::unique_ptr<PackedWeights> pack(const TensorView& weights) override;
  void linear(const PackedWeights& weights, ConstMatrix x, Matrix y) override;
  void linear_all(std::span<const Linear> layers, ConstMatrix x) override;
  void norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) override;
  void rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) override;
  void gate(Matrix gate, ConstMatrix up) override;
  void add(Matrix x, ConstMatrix y) override;
  void add_bias(Matrix x, std::span<const float> bias) override;
  void draw(ConstMatrix logits, std::span<const TokenDraw> draws, std::span<int> tokens) override;

 private:
  // Halves of all weights are kept while they take no more than this share of the device's memory; else they are made
  // anew for every product, a part of the rows at a time.
  static constexpr int kHalvesShare = 8;
  static constexpr std::size_t kHalvesAtOnce = 32 << 20;  // values
  // Logits that tokens are drawn from in one launch, 4 bytes of scratch each: more rows than a GPU has processors, at
  // the largest vocabularies.
  static constexpr std::size_t kKeysAtOnce = 64 << 20;

  struct HalfRows prepare(ConstMatrix x);
  void multiply(const CudaPackedWeights& weights, const struct HalfRows& x, int rows, Matrix y);
  void multiply_halves(const CudaPackedWeights& weights, const struct HalfRows& x, int rows, Matrix y);
  template <class T>
  const T* uploaded(std::span<const T> values);

  Device& device_;
  StepInputs& inputs_;
  int64_t halves_left_;                                    // bytes
  std::map<const void*, DeviceArray<std::byte>> uploads_;  // what the host keeps for good, by its address
  std::map<const std::byte*, std::unique_ptr<CudaPackedWeights>> tables_;
  DeviceArray<uint16_t> high_, low_, halves_;
  DeviceArray<float> block_sums_, row_scales_, half_scales_, product_;
  struct {
    DeviceArray<struct DeviceDraw> draws;
    DeviceArray<LogitEdit> edits;
    DeviceArray<uint64_t> masks;
    DeviceArray<uint32_t> keys;
    DeviceArray<int> tokens;
  } draw_memory_;
  std::vector<float> downloaded_;
};

}  // namespace leankv
