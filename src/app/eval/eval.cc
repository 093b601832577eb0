#include "app/eval/eval.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/calibrate/find_calibration.h"
#include "app/eval/json_text.h"
#include "app/eval/report.h"
#include "app/eval/runs.h"
#include "app/eval/suites/suites.h"
#include "app/model_path.h"
#include "app/option_values.h"
#include "app/options.h"
#include "base/error.h"

namespace leankv {
namespace {

constexpr const char* kKldUsage =
    "leankv eval kld --text FILE    KL divergence, perplexity and same top token of compressed caches against `off`\n\n"
    "--policies takes forecast and paper (a row for each of --ratios), safe, balanced, small, off and uniform caches\n"
    "(q8_0:q4_0, K4V4). Settings follow a '+': forecast+tiers=K8V8/K4V4+window=64\n\n";
constexpr const char* kPplUsage = "leankv eval ppl --text FILE    perplexity of a text's beginning\n\n";

// A file that is there only when it is complete; whether it can be written shows before the long run.
class OutputFile {
 public:
  explicit OutputFile(const std::string& path) : path_(path), part_(path + ".part") {
    if (path_.empty()) return;
    stream_.open(part_);
    if (!stream_) throw Error(ErrorKind::kBadOption, "--json " + path + ": cannot be written");
  }
  ~OutputFile() {
    if (!path_.empty()) std::remove(part_.c_str());  // does nothing after write()
  }
  void write(const nlohmann::ordered_json& content) {
    if (path_.empty()) return;
    stream_ << json_text(content) << '\n';
    stream_.close();
    if (!stream_ || std::rename(part_.c_str(), path_.c_str()) != 0) {
      throw Error(ErrorKind::kBadFile, "--json " + path_ + ": writing failed");
    }
  }

 private:
  std::string path_, part_;
  std::ofstream stream_;
};

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::kBadOption, message); }

void check_options(const AppOptions& o) {
  if (!o.arguments.empty()) refuse("unexpected argument '" + o.arguments.front() + "'; lists are separated by commas");
  if (o.eval.text.empty()) refuse("no text to measure on: give --text FILE");
  if (!o.eval.starts.empty() && o.eval.segments) refuse("--starts and --segments both choose the segments: use one");
  if (o.eval.tokens > o.eval.score_from) return;
  refuse(fmt::format("--tokens {}: more than --score-from {} is needed", o.eval.tokens, o.eval.score_from));
}

void check_first_token(const EvalOptions& o, const std::string& model_path) {
  if (!o.first_token) return;
  const int vocabulary = read_config(GgufFile(model_path)).vocabulary;
  if (*o.first_token < vocabulary) return;
  refuse(fmt::format("--first-token {}: the model's tokens are 0 to {}", *o.first_token, vocabulary - 1));
}

EvalSettings settings_of(const AppOptions& o, const SegmentShape& shape) {
  return {o.engine.model_path, o.engine.threads, o.engine.isa, o.engine.chunk, o.engine.pool_bytes, shape,
          o.engine.calibration};
}

std::vector<EvalRow> rows_of(const EvalOptions& o) {
  const std::span<const double> ratios = o.ratios.empty() ? std::span(kDefaultRatios) : std::span(o.ratios);
  std::vector<EvalRow> rows = make_rows(o.policies, ratios, o.activations);
  if (o.activations == Activations::kF32 && o.activations_rows) {
    std::ranges::copy(activation_rows(), std::back_inserter(rows));
  }
  return rows;
}

std::vector<TextSegment> segments_of(const EvalOptions& o, const std::string& model_path) {
  const std::vector<int> text = tokens_of_file(model_path, o.text);
  const int count = o.segments.value_or(kDefaultSegments);
  const std::vector<int64_t> starts =
      o.starts.empty() ? draw_starts(count, o.seed, int64_t(text.size()), o.shape) : o.starts;
  std::vector<TextSegment> segments;
  for (const int64_t start : starts) segments.push_back(cut_segment(text, start, o.shape, o.first_token));
  return segments;
}

void run_kld(const AppOptions& options) {
  const EvalOptions& o = options.eval;
  const std::vector<EvalRow> rows = rows_of(o);
  check_first_token(o, options.engine.model_path);
  const std::vector<TextSegment> segments = segments_of(o, options.engine.model_path);
  OutputFile json(o.json);
  const auto progress = [](const std::string& line) { std::cerr << line << std::endl; };
  const std::vector<RowSummary> summaries =
      measure_rows(settings_of(options, o.shape), rows, segments, o.activations, progress);
  json.write(rows_to_json(summaries));
  std::cout << rows_to_markdown(summaries);
}

void run_ppl(const AppOptions& options) {
  const EvalOptions& o = options.eval;
  const SegmentShape shape{o.score_from - 1, o.tokens - o.score_from};
  const EvalRow row{o.kv, std::nullopt, parse_policy(o.kv), o.activations};
  const std::vector<int> text = tokens_of_file(options.engine.model_path, o.text);
  const TextSegment segment = cut_segment(text, 0, shape, std::nullopt);
  OutputFile json(o.json);
  const double ppl = measure_perplexity(settings_of(options, shape), row, segment);
  json.write({{"ppl", ppl}});
  fmt::print("perplexity {:.4f} over {} tokens, cache {}, activations {}\n", ppl, shape.score_tokens,
             describe(row.policy), activations_name(o.activations));
}

struct Measurement {
  std::string_view name;
  CommandSet command;
  const char* usage;
  void (*run)(const AppOptions& options);
};
constexpr Measurement kMeasurements[] = {{"kld", kKldCommand, kKldUsage, run_kld},
                                         {"ppl", kPplCommand, kPplUsage, run_ppl}};

std::string help_text() {
  std::string text = "Measures how close a compressed cache stays to the uncompressed one.\n\n";
  for (const Measurement& m : kMeasurements) text += m.usage + options_help(m.command) + "\n";
  for (const Suite& s : suites()) text += s.usage + options_help(s.command) + "\n";
  return text;
}

}  // namespace

int run_eval(std::span<char* const> args) {
  const std::string_view name = args.empty() ? "" : args.front();
  if (name == "-h" || name == "--help") return fmt::print("{}", help_text()), 0;
  const auto suite = std::ranges::find(suites(), name, &Suite::name);
  if (suite != suites().end()) return run_suite(*suite, args.subspan(1));
  const auto measurement = std::ranges::find(kMeasurements, name, &Measurement::name);
  if (measurement == std::end(kMeasurements)) {
    refuse("eval measures kld or ppl, or runs a suite, as needle: leankv eval --help lists them");
  }
  AppOptions options = parse_options(args.subspan(1), measurement->command);
  if (options.help) return fmt::print("{}{}", measurement->usage, options_help(measurement->command)), 0;
  check_options(options);
  options.engine.model_path = resolve_model(options);
  use_calibration(options);
  measurement->run(options);
  return 0;
}

}  // namespace leankv
