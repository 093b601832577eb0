#include "app/calibrate/calibration_file.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <iterator>

#include "base/error.h"
#include "loader/fingerprint.h"
#include "model/config.h"

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

constexpr const char* kFormat = "leankv calibration";
constexpr int kVersion = 1;
// log10 of means of squared attention: at most that of a group's heads, at least what fit_curve makes of nothing.
constexpr double kLowest = -15, kHighest = 5;
constexpr double kDigits = 1e4;  // of a logarithm: .02 %, a tenth of a level of significance

struct Refusal {
  const std::string& origin;
  [[noreturn]] void operator()(const std::string& what) const {
    throw Error(ErrorKind::kBadFile, origin + ": " + what);
  }
};

const Json& member(const Json& object, const char* key, const Refusal& refuse) {
  if (!object.is_object() || !object.contains(key)) refuse(std::string("no calibration: '") + key + "' is missing");
  return object[key];
}

void read_points(const Json& list, float* points, const Refusal& refuse) {
  if (!list.is_array() || list.size() != std::size_t(kCurvePoints)) {
    refuse(fmt::format("damaged: a curve has {} points", kCurvePoints));
  }
  for (int i = 0; i < kCurvePoints; ++i) {
    const double value = list[std::size_t(i)].is_number() ? list[std::size_t(i)].get<double>() : NAN;
    if (!(value >= kLowest && value <= kHighest)) {
      refuse(fmt::format("damaged: a point of a curve is no number from {} to {}", kLowest, kHighest));
    }
    points[i] = float(value);
    if (i > 0 && points[i] < points[i - 1]) refuse("damaged: a curve falls");
  }
}

void check_kind(const Json& json, const Refusal& refuse) {
  if (json.is_discarded()) refuse("no calibration: not JSON");
  if (member(json, "format", refuse) != kFormat) refuse("no calibration: another format");
  if (member(json, "version", refuse) == kVersion) return;
  refuse("of another version of leankv: make it again with leankv calibrate");
}

void check_model(const Json& of, const ModelIdentity& model, const Refusal& refuse) {
  if (member(of, "fingerprint", refuse) == model.fingerprint && member(of, "layers", refuse) == model.layers &&
      member(of, "kv_heads", refuse) == model.kv_heads) {
    return;
  }
  const Json& name = member(of, "name", refuse);
  refuse(fmt::format("made for another model ({}), not for {}: make one with leankv calibrate",
                     name.is_string() ? name.get<std::string>() : "without a name", model.name));
}

Json rounded_points(const float* points) {
  Json list = Json::array();
  for (int i = 0; i < kCurvePoints; ++i) list.push_back(std::round(double(points[i]) * kDigits) / kDigits);
  return list;
}

}  // namespace

ModelIdentity identity_of(const GgufFile& file) {
  const ModelConfig config = read_config(file);
  return {std::filesystem::path(file.name()).filename(), fmt::format("{:016x}", fingerprint(file)), config.layers,
          config.kv_heads};
}

Json calibration_to_json(const std::vector<Curve>& curves, const ModelIdentity& model, const CalibrationText& text) {
  Json list = Json::array();
  for (const Curve& c : curves) {
    list.push_back({{"log_past", rounded_points(c.log_past)}, {"log_future", rounded_points(c.log_future)}});
  }
  return {{"format", kFormat},
          {"version", kVersion},
          {"model",
           {{"name", model.name},
            {"fingerprint", model.fingerprint},
            {"layers", model.layers},
            {"kv_heads", model.kv_heads}}},
          {"text", {{"name", text.name}, {"prompts", text.prompts}, {"prompt_tokens", text.prompt_tokens}}},
          {"curves", list}};
}

Calibration parse_calibration(std::string_view text, const std::string& origin, const ModelIdentity& model) {
  const Refusal refuse{origin};
  const Json json = Json::parse(text, nullptr, false);
  check_kind(json, refuse);
  check_model(member(json, "model", refuse), model, refuse);
  const Json& list = member(json, "curves", refuse);
  if (!list.is_array() || list.size() != std::size_t(model.layers) * std::size_t(model.kv_heads)) {
    refuse(fmt::format("damaged: the model has {} x {} curves", model.layers, model.kv_heads));
  }
  Calibration calibration{origin, {}};
  for (const Json& points : list) {
    Curve& curve = calibration.curves.emplace_back();
    read_points(member(points, "log_past", refuse), curve.log_past, refuse);
    read_points(member(points, "log_future", refuse), curve.log_future, refuse);
  }
  return calibration;
}

}  // namespace leankv
