// What `leankv bench` is asked to measure.
#pragma once

#include <string>
#include <vector>

#include "base/block_formats.h"

namespace leankv {

enum class BenchFill {
  kAuto,       // real where the text is within the model's context and the weights are real
  kReal,       // a prompt of that depth is computed
  kSynthetic,  // pages of random codes, in the recorded mix of tiers
};

struct BenchOptions {
  std::vector<int> depths, batches;  // empty: kDefaultDepths, kDefaultBatches
  std::string kv = "off,safe,small";
  int repeat = 5;
  int prompt_repeat = 1;                   // runs of each whole prompt
  int steps = 0;                           // of decode per repetition; 0: enough for a review in all of them together
  std::string text;                        // path; empty: the built-in one
  std::string shape;                       // random weights of a known shape instead of a model
  WeightType weights = WeightType::kQ8_0;  // of --shape
  BenchFill fill = BenchFill::kAuto;
  bool phases = false;
  bool kernels = false;          // single operations of a GPU instead of a model
  std::string json, record_mix;  // paths
};

inline constexpr int kDefaultDepths[] = {0, 1024, 4096, 8192};
inline constexpr int kDefaultBatches[] = {1, 4, 16};

}  // namespace leankv
