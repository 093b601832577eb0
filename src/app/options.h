// What the command line and the environment say.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/bench/options.h"
#include "app/calibrate/options.h"
#include "app/download/options.h"
#include "app/eval/options.h"
#include "app/eval/suites/options.h"
#include "app/load/options.h"
#include "app/serve_options.h"
#include "engine/generation.h"
#include "engine/options.h"

namespace leankv {

// The ways to name a policy; at most one is given (app/policy_choice.h).
struct PolicyWords {
  std::string preset, policy, cache_type_k, cache_type_v, cache_dtype;
  std::optional<double> ratio;
  std::optional<int64_t> budget_bytes;
};

struct AppOptions {
  EngineOptions engine;  // without the policy, which `kv` names
  GenerationOptions generation;
  bool seed_given = false;
  PolicyWords kv;
  EvalOptions eval;
  SuiteOptions suite;
  BenchOptions bench;
  CalibrateOptions calibrate;
  DownloadOptions download;  // instead of engine.model_path
  LoadOptions load;
  ServeOptions serve;
  std::string calibration;  // a file, "off", or empty: the one that is found
  std::string prompt, prompt_file, system, chat_template_file, stats_json;
  bool chat = false;
  bool strict = false;
  bool progress = true;
  bool verbose = false;
  bool tiers = false;  // inspect
  int head_dim = 0;    // inspect; 0: the model's
  bool help = false;
  std::vector<std::string> arguments;  // what is no option
};

// The commands that an option belongs to.
enum CommandSet : unsigned {
  kGenerateCommand = 1,
  kChatCommand = 2,
  kInspectCommand = 4,
  kKldCommand = 8,  // eval kld
  kPplCommand = 16,
  kEvalCommands = kKldCommand | kPplCommand,
  kBenchCommand = 32,
  kServeCommand = 64,
  kLoadCommand = 128,    // bench serve
  kNeedleCommand = 256,  // eval needle, and so on
  kMultiCommand = 512,
  kGsm8kCommand = 1024,
  kHumanEvalCommand = 2048,
  kTextCommand = 4096,
  kSuiteCommands = kNeedleCommand | kMultiCommand | kGsm8kCommand | kHumanEvalCommand | kTextCommand,
  kCalibrateCommand = 8192,
  kTakesCalibration = kGenerateCommand | kChatCommand | kServeCommand | kEvalCommands | kSuiteCommands,
  kEveryCommand = ~0u,
  kModelCommands = kEveryCommand & ~kLoadCommand
};

// args: what follows the command's name. The command line wins over LEANKV_<NAME>, the last of repeated options over
// earlier ones, except those that collect. Throws kBadOption with the nearest name for an option that is none of the
// command's, kUnsupported for one that other programs have.
AppOptions parse_options(std::span<char* const> args, CommandSet command);

std::string options_help(CommandSet command);  // one line per option

}  // namespace leankv
