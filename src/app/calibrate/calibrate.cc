// `leankv calibrate`: what a model's heads have in common over texts, for the cache of every request to begin with.
#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>

#include "app/calibrate/embedded.h"
#include "app/calibrate/find_calibration.h"
#include "app/calibrate/learn.h"
#include "app/commands.h"
#include "app/eval/runs.h"
#include "app/files.h"
#include "app/model_path.h"
#include "app/option_values.h"
#include "app/progress_bar.h"
#include "model/config.h"
#include "model/vocabulary.h"

namespace leankv {
namespace {

constexpr const char* kUsage =
    "leankv calibrate [-m FILE] [--text FILE]    learns a model's own curves from a text and writes\n"
    "<model>.leankv.json, which every command uses from then on: short prompts are compressed with less loss\n\n";

std::string output_path(const AppOptions& o) {
  if (!o.calibrate.output.empty()) return o.calibrate.output;
  const std::string beside = calibration_path(o.engine.model_path);
  const std::filesystem::path folder = std::filesystem::path(beside).parent_path();
  if (access(folder.empty() ? "." : folder.c_str(), W_OK) == 0) return beside;
  std::filesystem::create_directories(cache_folder());
  return cached_calibration_path(o.engine.model_path);
}

std::string sample() {
  std::string text;
  for (const std::string_view part : kCalibrationTexts) text += std::string(part) + "\n";
  return text;
}

struct Prompts {
  std::vector<int> text;
  int tokens = 0;  // of each
};

Prompts prompts_for(const AppOptions& o, const GgufFile& file) {
  const std::string& path = o.calibrate.text;
  Prompts prompts;
  prompts.text = Tokenizer(read_vocabulary(file)).encode(path.empty() ? sample() : read_file(path), false);
  prompts.tokens =
      int(std::min<std::size_t>({std::size_t(o.calibrate.prompt_tokens), std::size_t(read_config(file).context),
                                 std::max<std::size_t>(prompts.text.size(), kLeastCalibrationTokens)}));
  if (int(prompts.text.size()) >= prompts.tokens && prompts.tokens >= kLeastCalibrationTokens) return prompts;
  throw Error(ErrorKind::kBadOption,
              fmt::format("{} tokens of text and {} of context: at least {} are needed", prompts.text.size(),
                          read_config(file).context, kLeastCalibrationTokens));
}

EngineOptions engine_options(const AppOptions& o, const GgufFile& file, int prompt_tokens) {
  EngineOptions options = o.engine;
  options.policy = forecast_policy(4);
  options.context = prompt_tokens;
  options.pool_bytes = ample_pool_bytes(read_config(file), prompt_tokens, 2);
  return options;
}

void calibrate(const AppOptions& o) {
  auto file = std::make_unique<GgufFile>(o.engine.model_path);
  const ModelIdentity model = identity_of(*file);
  const Prompts prompts = prompts_for(o, *file);
  const std::string output = output_path(o);
  const EngineOptions options = engine_options(o, *file, prompts.tokens);
  const bool shown = o.progress && stderr_is_terminal();
  ProgressBar loading("loading", shown);
  Engine engine(options, std::move(file), [&](double done) { loading.update(done); });
  loading.clear();
  ProgressBar bar("reading", shown);
  const LearnedCurves learned =
      learn_curves(engine, prompts.text, prompts.tokens, [&](double done) { bar.update(done); });
  bar.clear();
  const std::string name =
      o.calibrate.text.empty() ? "built in" : std::filesystem::path(o.calibrate.text).filename().string();
  write_json(output, calibration_to_json(learned.mean, model, {name, learned.prompts, prompts.tokens}));
  fmt::print("{}: {} curves from {} prompts of {} tokens\n", output, learned.mean.size(), learned.prompts,
             prompts.tokens);
}

}  // namespace

int run_calibrate(std::span<char* const> args) {
  AppOptions options = parse_options(args, kCalibrateCommand);
  if (options.help) return fmt::print("{}{}", kUsage, options_help(kCalibrateCommand)), 0;
  if (!options.arguments.empty()) {
    refuse_option("unexpected argument '" + options.arguments.front() + "'; a model follows -m, a text --text");
  }
  options.engine.model_path = resolve_model(options);
  calibrate(options);
  return 0;
}

}  // namespace leankv
