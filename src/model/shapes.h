// Models of known shapes with random weights, made in memory: what speed is measured on without a download.
#pragma once

#include <cstddef>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/block_formats.h"
#include "loader/gguf.h"

namespace leankv {

struct ModelShape {
  std::string_view name;          // "llama-3.2-1b"
  std::string_view architecture;  // of config.cc
  int layers, hidden, heads, kv_heads, head_dim, feed_forward, vocabulary;
  int context;       // tokens
  bool tied;         // the output matrix is the embedding
  double rope_base;  // what the weights would have been trained with
};

std::span<const ModelShape> model_shapes();
const ModelShape& find_model_shape(std::string_view name);  // throws kBadOption, naming those there are

int64_t matrix_elements(const ModelShape& shape);  // of all matrices, the embedding counted once

// A GGUF image whose matrices all lie on the same random blocks, so it is as long as the largest of them; packed, each
// has memory of its own. Norms and biases are ones, the tokenizer has the 256 bytes. REQUIRES type is a quantised one.
std::vector<std::byte> random_model(const ModelShape& shape, WeightType type);

}  // namespace leankv
