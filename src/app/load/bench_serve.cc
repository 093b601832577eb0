#include "app/load/bench_serve.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/files.h"
#include "app/load/load_report.h"
#include "app/option_values.h"
#include "app/options.h"
#include "app/progress_bar.h"

namespace leankv {
namespace {

constexpr const char* kUsage =
    "leankv bench serve --url URL    what many clients of a server get\n\n"
    "Sends streamed requests to any server with OpenAI's API and measures them from outside. Token counts are the\n"
    "server's own (usage); lengths are exact where it knows /tokenize, max_tokens and ignore_eos.\n\n";

void check_json_object(const char* option, const std::string& text) {
  if (text.empty() || nlohmann::json::parse(text, nullptr, false).is_object()) return;
  refuse_option(std::string(option) + ": '" + text + "' is no JSON object");
}

}  // namespace

int run_bench_serve(std::span<char* const> args) {
  const AppOptions options = parse_options(args, kLoadCommand);
  if (options.help) return fmt::print("{}{}", kUsage, options_help(kLoadCommand)), 0;
  if (!options.arguments.empty()) refuse_option("unexpected argument '" + options.arguments.front() + "'");
  check_json_object("--extra", options.load.extra);
  if (options.load.kv.starts_with('{')) check_json_object("--kv", options.load.kv);
  ProgressBar bar("requests", options.progress && stderr_is_terminal());
  const LoadResult result = run_load(options.load, [&](double done) { bar.update(done); });
  bar.clear();
  fmt::print("{}", load_to_text(options.load, result));
  if (!options.load.json.empty()) write_json(options.load.json, load_to_json(options.load, result));
  return std::ranges::any_of(result.requests, [](const MeasuredRequest& r) { return r.error.empty(); }) ? 0 : 1;
}

}  // namespace leankv
