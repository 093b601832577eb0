// The shape of a model, read from its file and checked.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dense_ops.h"
#include "loader/gguf.h"

namespace leankv {

// What transformer.cc and weights.cc must know of an architecture; one row in config.cc.
struct Architecture {
  std::string_view name;  // general.architecture
  RotaryPairs rotary_pairs{};
  bool has_biases = false;      // of queries, keys and values; others may have all three, too
  bool has_head_norms = false;  // of queries and keys, before the rotation
};

// Throws kUnsupported, naming where it was asked for and those that work.
Architecture find_architecture(std::string_view name, const std::string& where);

struct ModelConfig {
  Architecture architecture;
  std::string name;
  int layers = 0;
  int hidden = 0;
  int heads = 0;
  int kv_heads = 0;
  int head_dim = 0;
  int feed_forward = 0;
  int vocabulary = 0;
  int context = 0;  // tokens the model was trained for
  float norm_epsilon = 0;
  std::vector<double> inverse_frequencies;  // [rotary_dim / 2] radians per position

  int group() const { return heads / kv_heads; }
};

// Throws kUnsupported for another architecture or a feature that this program lacks, kBadFile for numbers that
// contradict each other.
ModelConfig read_config(const GgufFile& file);

}  // namespace leankv
