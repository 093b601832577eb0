// Texts that the program carries for `leankv calibrate`; the build makes the definitions (app/CMakeLists.txt).
#pragma once

#include <span>
#include <string_view>

namespace leankv {

// A log book (docs/demo), then share/calibration/*.txt: tales and letters, manuals, code. All written for this project.
extern const std::span<const std::string_view> kCalibrationTexts;
extern const std::string_view kDefaultCalibration;  // the default model's file

}  // namespace leankv
