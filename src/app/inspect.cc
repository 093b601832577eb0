// `leankv inspect`: what a GGUF file holds, and what the cache's tiers cost.
#include <fmt/format.h>

#include <cstdio>
#include <iostream>

#include "app/commands.h"
#include "app/files.h"
#include "app/head_report.h"
#include "app/model_path.h"
#include "app/options.h"
#include "app/tier_table.h"
#include "base/error.h"
#include "loader/describe.h"
#include "model/config.h"

namespace leankv {
namespace {

constexpr const char* kUsage =
    "leankv inspect FILE.gguf                       what the file holds\n"
    "leankv inspect FILE.json                       the cache of a conversation saved by /save, or of --stats-json\n"
    "leankv inspect --tiers [-m FILE | --head-dim D]   the precisions of the cache and what each costs\n\n";

// Layer by layer and head by head, what a saved conversation or a generation left in its cache.
int inspect_report(const std::string& path) {
  const auto json = nlohmann::ordered_json::parse(read_file(path), nullptr, false);
  const auto field = [](const nlohmann::ordered_json& object, const char* key) {
    return object.is_object() && object.contains(key) ? object[key] : nlohmann::ordered_json();
  };
  const nlohmann::ordered_json saved = field(json, "cache");
  fmt::print("{}", heads_table(field(saved.is_null() ? json : saved, "by_head")));
  return 0;
}

int inspect_file(const AppOptions& options) {
  if (options.arguments.size() > 1) {
    throw Error(ErrorKind::kBadOption, "unexpected argument '" + options.arguments[1] + "': one file at a time");
  }
  const std::string given = options.arguments.empty() ? options.engine.model_path : options.arguments.front();
  if (given.ends_with(".json")) return inspect_report(given);
  describe(GgufFile(options.arguments.empty() ? resolve_model(options) : given), std::cout);
  return 0;
}

int inspect_tiers(const AppOptions& options) {
  const int head_dim = options.head_dim > 0 ? options.head_dim : read_config(GgufFile(resolve_model(options))).head_dim;
  fmt::print("{}", tier_table(head_dim));
  return 0;
}

}  // namespace

int run_inspect(std::span<char* const> args) {
  const AppOptions options = parse_options(args, kInspectCommand);
  if (options.help) return fmt::print("{}{}", kUsage, options_help(kInspectCommand)), 0;
  return options.tiers ? inspect_tiers(options) : inspect_file(options);
}

}  // namespace leankv
