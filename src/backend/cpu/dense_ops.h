// The dense operations on a CPU: packed weights, kernels per instruction set, a pool of threads.
#pragma once

#include <string>
#include <vector>

#include "backend/cpu/kernels/dense_rows.h"
#include "backend/cpu/kernels/linear.h"
#include "backend/cpu/packed_weights.h"
#include "backend/dense_ops.h"
#include "base/thread_pool.h"

namespace leankv {

// Called from one thread at a time; the pool outlives it, and it the weights that it packed. Quantised weights are
// multiplied in the arithmetic that `activations` names, F16, BF16 and F32 weights always in f32.
class CpuDenseOps : public DenseOps {
 public:
  CpuDenseOps(ThreadPool& pool, Isa isa, Activations activations);  // REQUIRES this machine has isa

  std::string_view name() const override { return name_; }
  std::unique_ptr<PackedWeights> pack(const TensorView& weights) override;
  void linear(const PackedWeights& weights, ConstMatrix x, Matrix y) override;
  void linear_all(std::span<const Linear> layers, ConstMatrix x) override;
  void norm(ConstMatrix x, std::span<const float> weight, float epsilon, Matrix y) override;
  void rope(Matrix x, int head_dim, RotaryPairs pairs, ConstMatrix cos, ConstMatrix sin) override;
  void gate(Matrix gate, ConstMatrix up) override;
  void add(Matrix x, ConstMatrix y) override;
  void draw(ConstMatrix logits, std::span<const TokenDraw> draws, std::span<int> tokens) override;

 private:
  QuantisedActivations quantise(ConstMatrix x);
  template <class Fn>
  void for_each_row(int rows, Fn&& fn);

  ThreadPool& pool_;
  WeightMemory memory_;  // of all that pack() returned
  Activations activations_;
  std::string name_;
  const LinearKernels& linear_;
  const RowKernels& rows_;
  std::vector<int8_t> codes_;           // scratch of quantise()
  std::vector<ActivationBlock> stats_;  // scratch of quantise()
};

}  // namespace leankv
