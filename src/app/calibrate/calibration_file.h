// A calibration as a file: <model>.leankv.json (docs/compression.md).
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

#include "engine/calibration.h"
#include "loader/gguf.h"

namespace leankv {

// The model that a calibration belongs to.
struct ModelIdentity {
  std::string name;         // of its file
  std::string fingerprint;  // 16 hexadecimal digits
  int layers = 0, kv_heads = 0;
  bool operator==(const ModelIdentity&) const = default;
};
ModelIdentity identity_of(const GgufFile& file);

// What it was made from, for those who read the file.
struct CalibrationText {
  std::string name;
  int prompts = 0, prompt_tokens = 0;
};

nlohmann::ordered_json calibration_to_json(const std::vector<Curve>& curves, const ModelIdentity& model,
                                           const CalibrationText& text);

// Throws kBadFile, in one line that begins with the origin, for what is no calibration, is damaged, is of another
// version of the form or belongs to a model with another fingerprint.
Calibration parse_calibration(std::string_view text, const std::string& origin, const ModelIdentity& model);

}  // namespace leankv
