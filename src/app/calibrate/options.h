// What `leankv calibrate` is asked for.
#pragma once

#include <string>

namespace leankv {

inline constexpr int kLeastCalibrationTokens = 512;  // of a prompt: fewer are not judged at their end

struct CalibrateOptions {
  std::string text;          // empty: the sample that the program carries
  std::string output;        // empty: beside the model, or in the cache folder
  int prompt_tokens = 2048;  // longer ones teach little more, shorter ones less (docs/quality.md)
};

}  // namespace leankv
