#include "app/calibrate/find_calibration.h"

#include <fmt/format.h>

#include <cstdio>
#include <filesystem>

#include "app/calibrate/embedded.h"
#include "app/files.h"
#include "app/model_path.h"
#include "base/error.h"
#include "loader/printable.h"

namespace leankv {
namespace {

constexpr const char* kBuiltIn = "built in";
constexpr std::size_t kLongestWarning = 2000;  // bytes

std::string file_name_for(const std::string& model_path) {
  return std::filesystem::path(model_path).stem().string() + ".leankv.json";
}

Calibration carried_for(const ModelIdentity& model) {
  if (kDefaultCalibration.find("\"" + model.fingerprint + "\"") == std::string_view::npos) return {};
  return parse_calibration(kDefaultCalibration, kBuiltIn, model);
}

}  // namespace

std::string calibration_path(const std::string& model_path) {
  return std::filesystem::path(model_path).parent_path() / file_name_for(model_path);
}

std::string cached_calibration_path(const std::string& model_path) {
  return cache_folder() + "/" + file_name_for(model_path);
}

Calibration find_calibration(const std::string& model_path, const std::string& wish, bool strict,
                             const CalibrationWarning& warn) {
  if (wish == "off") return {};
  const ModelIdentity model = identity_of(GgufFile(model_path));
  if (!wish.empty()) return parse_calibration(read_file(wish), wish, model);
  for (const std::string& path : {calibration_path(model_path), cached_calibration_path(model_path)}) {
    if (!std::filesystem::exists(path)) continue;
    try {
      return parse_calibration(read_file(path), path, model);
    } catch (const Error& error) {
      if (strict) throw;
      warn(std::string(error.what()) + "; going on without it");
    }
  }
  return carried_for(model);
}

void use_calibration(AppOptions& options) {
  const auto warn = [](const std::string& line) {
    fmt::print(stderr, "leankv: {}\n", printable(line, kLongestWarning));
  };
  options.engine.calibration = find_calibration(options.engine.model_path, options.calibration, options.strict, warn);
}

}  // namespace leankv
