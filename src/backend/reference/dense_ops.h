// The dense operations written as their definitions, in double precision: what every other backend is compared with.
#pragma once

#include "backend/dense_ops.h"

namespace leankv {

class ReferenceDenseOps : public DenseOps {
 public:
  std::string_view name() const override { return "reference"; }
  std::unique_ptr<PackedWeights> pack(const TensorView& weights) override;
  void linear(const PackedWeights& weights, ConstMatrix x, Matrix y) override;
  void norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) override;
  void rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) override;
  void gate(Matrix gate, ConstMatrix up) override;
  void add(Matrix x, ConstMatrix y) override;
};

}  // namespace leankv
