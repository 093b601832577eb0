// A model's weights in the form its backend computes with.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "backend/dense_ops.h"
#include "loader/gguf.h"
#include "model/config.h"

namespace leankv {

struct LayerWeights {
  std::vector<float> attention_norm, feed_forward_norm;  // [hidden]
  std::unique_ptr<PackedWeights> query, key, value;      // [heads * head_dim, hidden], [kv_heads * head_dim, hidden]
  std::vector<float> query_bias, key_bias, value_bias;   // [heads * head_dim], [kv_heads * head_dim]; or none
  std::vector<float> query_norm, key_norm;               // [head_dim], of each head; or none
  std::unique_ptr<PackedWeights> attention_output;       // [hidden, heads * head_dim]
  std::unique_ptr<PackedWeights> gate, up;               // [feed_forward, hidden]
  std::unique_ptr<PackedWeights> down;                   // [hidden, feed_forward]
};

struct ModelWeights {
  TensorView embedding;  // [vocabulary, hidden], as it lies in the file
  std::vector<LayerWeights> layers;
  std::vector<float> output_norm;         // [hidden]
  std::unique_ptr<PackedWeights> output;  // [vocabulary, hidden]; the embedding where the file has no other
  // [layers * kv_heads] tr(W_o,g W_o,g^T) / head_dim, averaged over the group: how far a value's error reaches
  // (docs/compression.md).
  std::vector<double> output_energy;

  int64_t packed_bytes() const;  // that one token's pass through all matrices reads
};

using Progress = std::function<void(double done)>;  // in [0, 1]

// Throws kBadFile for a tensor that is missing or of the wrong shape, kUnsupported for one that is not understood.
// The file must outlive the weights.
ModelWeights load_weights(const GgufFile& file, const ModelConfig& config, DenseOps& ops, const Progress& progress);

}  // namespace leankv
