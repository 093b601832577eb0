// The forward pass of a decoder-only transformer over a step's batch.
#pragma once

#include <memory>

#include "backend/backend.h"
#include "model/config.h"
#include "model/weights.h"

namespace leankv {

// Reads its weights; keeps only scratch of its own. Used from one thread.
class Transformer {
 public:
  // All must outlive it.
  Transformer(const ModelConfig& config, const ModelWeights& weights, Backend& backend);

  // Computes the batch, whose tokens the cache was extended by, and returns the logits of batch.logit_rows
  // [logit_rows, vocabulary] in the backend's memory; valid until the next call. REQUIRES token ids inside the
  // vocabulary.
  ConstMatrix forward(const Batch& batch, KvCache& cache);

 private:
  void compute(const Batch& batch, KvCache& cache, Matrix logits);
  Matrix attend(int layer, const Batch& batch, KvCache& cache, Matrix x);
  void turn(Matrix x, std::span<const float> bias, std::span<const float> head_norm);
  void finish_layer(const LayerWeights& w, ConstMatrix attended, Matrix x);

  const ModelConfig& config_;
  const ModelWeights& weights_;
  Backend& backend_;
  std::unique_ptr<MatrixMemory> x_, normed_, q_, k_, v_, attended_, projected_, gate_, up_, cos_, sin_, logits_;
  Matrix cos_view_, sin_view_;  // [rows, rotary_dim / 2] of this batch
};

}  // namespace leankv
