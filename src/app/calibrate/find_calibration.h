// Which calibration a model is run with.
#pragma once

#include <functional>
#include <string>

#include "app/calibrate/calibration_file.h"
#include "app/options.h"

namespace leankv {

// Where a model's own calibration stands: beside it, and in the cache folder where that cannot be written.
std::string calibration_path(const std::string& model_path);
std::string cached_calibration_path(const std::string& model_path);

// wish: "off", a file, or empty: the file beside the model, else in the cache folder, else what the program carries for
// a model with this fingerprint, else none. Of those, one that cannot be used is told to `warn` in one line and passed
// over; a file that was asked for must be good (throws kBadFile), and with strict every file that is there.
using CalibrationWarning = std::function<void(const std::string& line)>;
Calibration find_calibration(const std::string& model_path, const std::string& wish, bool strict,
                             const CalibrationWarning& warn);

// The same as the options say, into the engine's; warnings go to stderr. REQUIRES a resolved model path.
void use_calibration(AppOptions& options);

}  // namespace leankv
