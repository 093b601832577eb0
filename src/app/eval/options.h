// What `leankv eval` is asked to measure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "app/eval/segments.h"
#include "backend/dense_ops.h"

namespace leankv {

struct EvalOptions {
  std::string text, json;                       // paths
  Activations activations = Activations::kF32;  // of the reference too, so that only the cache differs
  // kld
  SegmentShape shape;
  std::vector<int64_t> starts;  // empty: `segments` of them, drawn
  std::optional<int> segments;  // none: kDefaultSegments; never beside starts
  uint64_t seed = 1;
  std::optional<int> first_token;
  std::string policies = "forecast,paper,q8_0:q8_0,q8_0:q4_0,q4_0:q4_0";
  std::vector<double> ratios;  // empty: kDefaultRatios
  bool activations_rows = true;
  // ppl
  std::string kv = "off";
  int tokens = 512;
  int score_from = 256;
};

inline constexpr int kDefaultSegments = 4;
inline constexpr double kDefaultRatios[] = {4, 8, 11};

}  // namespace leankv
