// The shape of a model, read from its file and checked.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "loader/gguf.h"

namespace leankv {

struct ModelConfig {
  std::string architecture, name;
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
