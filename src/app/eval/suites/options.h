// What the suites of `leankv eval` (needle, multi, gsm8k, humaneval, text) are asked to do.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/dense_ops.h"

namespace leankv {

enum class Asked {
  kAfter,   // the prompt is judged without the question, which follows
  kWithin,  // the question is the end of the judged prompt
};

struct SuiteOptions {
  std::string policies = "off,paper,q8_0:q8_0,q8_0:q4_0,q4_0:q4_0,safe,balanced,small";
  std::vector<double> ratios;              // empty: kSuiteRatios
  std::optional<Activations> activations;  // none: exact, of text f32
  std::string text, data, json;            // paths
  std::optional<Asked> asked;              // none: what the suite does
  std::optional<int> max_tokens;
  uint64_t seed = 1;
  // gsm8k, humaneval
  std::optional<int> shots;
  int questions = 50;
  bool execute = false;
  // text
  int window = 2048;  // [tokens] of a window's prompt
  int windows = 8;
  // needle
  std::string tasks = "passkey,kv";
  std::vector<int> lengths;   // empty: kNeedleLengths up to the model's context
  std::vector<int> depths;    // [percent] empty: kNeedleDepths
  std::optional<int> trials;  // none: 1, of multi kMultiTrials
};

inline constexpr int kMultiTrials = 2;
inline constexpr double kSuiteRatios[] = {7};  // of paper: what balanced aims at

}  // namespace leankv
