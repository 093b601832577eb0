// What is written is read back; whatever else is read gives one line.
#include "app/calibrate/calibration_file.h"

#include <gmock/gmock.h>

#include "base/error.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;
using ::testing::StartsWith;
using Json = nlohmann::ordered_json;

const ModelIdentity kModel{"some.gguf", "0123456789abcdef", 2, 3};

std::vector<Curve> curves() {
  std::vector<Curve> all(6);
  for (std::size_t h = 0; h < all.size(); ++h) {
    for (int i = 0; i < kCurvePoints; ++i) {
      all[h].log_past[i] = float(i) - 9.123456f;
      all[h].log_future[i] = float(i) * 0.5f - 8.7654f + float(h);
    }
  }
  return all;
}

Json written() { return calibration_to_json(curves(), kModel, {"text.txt", 3, 2048}); }

std::string refusal_of(const std::string& text, const ModelIdentity& model = kModel) {
  try {
    parse_calibration(text, "here.json", model);
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), StartsWith("here.json: "));
    EXPECT_THAT(error.what(), Not(HasSubstr("\n")));
    return error.what();
  }
  return "taken";
}

// The file after one change.
std::string changed(const std::string& pointer, const Json& value) {
  Json json = written();
  json[Json::json_pointer(pointer)] = value;
  return json.dump();
}

TEST(CalibrationFile, IsReadBack) {
  const Calibration read = parse_calibration(written().dump(2), "here.json", kModel);
  EXPECT_EQ(read.origin, "here.json");
  ASSERT_EQ(read.curves.size(), 6u);
  for (std::size_t h = 0; h < 6; ++h) {
    for (int i = 0; i < kCurvePoints; ++i) {
      // Half of the last digit that is written, and the rounding of a float below 16.
      EXPECT_NEAR(read.curves[h].log_past[i], curves()[h].log_past[i], 0.5e-4 + 1e-6);
      EXPECT_NEAR(read.curves[h].log_future[i], curves()[h].log_future[i], 0.5e-4 + 1e-6);
    }
  }
}

TEST(CalibrationFile, OfAnotherModelIsRefused) {
  ModelIdentity other = kModel;
  other.fingerprint.back() = '0';
  EXPECT_THAT(refusal_of(written().dump(), other), HasSubstr("made for another model (some.gguf)"));
  other = kModel;
  other.layers = 6, other.kv_heads = 1;
  EXPECT_THAT(refusal_of(written().dump(), other), HasSubstr("another model"));
}

TEST(CalibrationFile, OfAnotherVersionIsRefused) {
  EXPECT_THAT(refusal_of(changed("/version", 2)), HasSubstr("another version"));
  EXPECT_THAT(refusal_of(changed("/version", "1")), HasSubstr("another version"));
}

TEST(CalibrationFile, WhatIsNoneIsRefused) {
  for (const char* text : {"", "{", "[]", "17", "null", "{\"format\": 1}", "{\"curves\": []}"}) {
    EXPECT_THAT(refusal_of(text), HasSubstr("no calibration")) << text;
  }
}

TEST(CalibrationFile, DamageIsRefused) {
  EXPECT_THAT(refusal_of(changed("/curves", Json::array())), HasSubstr("2 x 3 curves"));
  EXPECT_THAT(refusal_of(changed("/curves/6", written()["curves"][0])), HasSubstr("2 x 3 curves"));
  EXPECT_THAT(refusal_of(changed("/curves/5", 1)), HasSubstr("'log_past' is missing"));
  EXPECT_THAT(refusal_of(changed("/curves/5/log_past", Json::array({1, 2}))), HasSubstr("8 points"));
  EXPECT_THAT(refusal_of(changed("/curves/5/log_future/7", "x")), HasSubstr("no number"));
  EXPECT_THAT(refusal_of(changed("/curves/5/log_future/7", nullptr)), HasSubstr("no number"));
  EXPECT_THAT(refusal_of(changed("/curves/5/log_future/7", 1e30)), HasSubstr("no number"));
  EXPECT_THAT(refusal_of(changed("/curves/5/log_future/7", -12)), HasSubstr("falls"));
  EXPECT_THAT(refusal_of(changed("/model", Json::array())), HasSubstr("'fingerprint' is missing"));
}

TEST(CalibrationFile, EveryCutIsRefused) {
  const std::string whole = written().dump();
  for (std::size_t bytes = 0; bytes < whole.size(); ++bytes) {
    EXPECT_THAT(refusal_of(whole.substr(0, bytes)), HasSubstr("no calibration"));
  }
}

}  // namespace
}  // namespace leankv
