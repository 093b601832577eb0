#include "app/calibrate/option_rows.h"

#include "app/option_values.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

constexpr int kMostTokens = 1 << 20;

const OptionRow kRows[] = {
    {"--kv-calibration", "FILE|off", kTakesCalibration,
     "curves of this model, by leankv calibrate; default: <model>.leankv.json beside it or in the cache folder",
     [](Options& o, Text& t) { o.calibration = t; }},

    {"--text", "FILE", kCalibrateCommand, "what to learn from; default: a sample of prose, talk, code and tables",
     [](Options& o, Text& t) { o.calibrate.text = t; }},
    {"-o, --output", "FILE", kCalibrateCommand, "default: <model>.leankv.json beside the model, or in the cache folder",
     [](Options& o, Text& t) { o.calibrate.output = t; }},
    {"--prompt-tokens", "N", kCalibrateCommand, "the text is cut into prompts of so many (2048, or what it allows)",
     [](Options& o, Text& t) {
       o.calibrate.prompt_tokens =
           number(t, kLeastCalibrationTokens, kMostTokens, "a whole number from 512 to 1048576");
     }},
};

}  // namespace

std::span<const OptionRow> calibrate_option_rows() { return kRows; }

}  // namespace leankv
