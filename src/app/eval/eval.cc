#include "app/eval/eval.h"

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cctype>
#include <cstdio>
#include <fstream>
#include <iostream>
#include <iterator>

#include "app/eval/report.h"
#include "app/eval/runs.h"
#include "app/model_path.h"
#include "base/error.h"
#include "base/nearest_name.h"

namespace leankv {
namespace {

constexpr const char* kPoliciesHelp =
    "separated by commas: forecast and paper (a row for each of --ratios), safe, balanced, small, off, or a uniform "
    "cache (q8_0:q4_0, K4V4). Settings follow a '+': forecast+tiers=K8V8/K4V4+window=64";

// Both measurements' options, as the command line gives them.
struct Options {
  EvalSettings settings;
  std::string text, json, isa, activations = "f32";
  // kld
  std::string policies = "forecast,paper,q8_0:q8_0,q8_0:q4_0,q4_0:q4_0";
  std::vector<double> ratios = {4, 8, 11};
  std::vector<int64_t> starts;
  int segments = 4;
  uint64_t seed = 1;
  std::optional<int> first_token;
  bool no_activations_rows = false;
  // ppl
  std::string kv = "off";
  int tokens = 512, score_from = 256;
};

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
    stream_ << content.dump(2) << '\n';
    stream_.close();
    if (!stream_ || std::rename(part_.c_str(), path_.c_str()) != 0) {
      throw Error(ErrorKind::kBadFile, "--json " + path_ + ": writing failed");
    }
  }

 private:
  std::string path_, part_;
  std::ofstream stream_;
};

void add_common(CLI::App& app, Options& o) {
  app.add_option("-m,--model", o.settings.model_path, "GGUF file; without it the default model");
  app.add_option("--text", o.text, "the text to run over")->required();
  app.add_option("--json", o.json, "write the result to this file");
  app.add_option("-t,--threads", o.settings.threads, "0: one per core")->check(CLI::NonNegativeNumber);
  app.add_option("--cpu-isa", o.isa, "scalar, avx2, avx512 or avx512vnni");
  app.add_option("--chunk", o.settings.chunk, "prompt tokens computed together")->capture_default_str();
  app.add_option("--activations", o.activations, "arithmetic of the linear layers: f32, exact or int8")
      ->capture_default_str();
}

// Every option is also the environment variable LEANKV_<NAME>.
void name_environment(CLI::App& app) {
  for (CLI::Option* option : app.get_options()) {
    if (option->get_lnames().empty() || option == app.get_help_ptr()) continue;
    std::string name = "LEANKV_";
    for (const char c : option->get_lnames().front()) name += c == '-' ? '_' : char(std::toupper(c));
    option->envname(name);
  }
}

void add_kld(CLI::App& app, Options& o) {
  add_common(app, o);
  SegmentShape& shape = o.settings.shape;
  app.add_option("--prompt-tokens", shape.prompt_tokens, "computed, then compressed")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  app.add_option("--score-tokens", shape.score_tokens, "teacher-forced after the prompt")
      ->check(CLI::PositiveNumber)
      ->capture_default_str();
  CLI::Option* starts = app.add_option("--starts", o.starts, "first tokens of the segments")->delimiter(',');
  app.add_option("--segments", o.segments, "draw so many starts instead")
      ->check(CLI::PositiveNumber)
      ->excludes(starts)
      ->capture_default_str();
  app.add_option("--seed", o.seed, "of the draw")->capture_default_str();
  app.add_option("--first-token", o.first_token, "token id that replaces each segment's first");
  app.add_option("--policies", o.policies, kPoliciesHelp)->capture_default_str();
  app.add_option("--ratios", o.ratios, "page-true targets, 16-bit bytes / bytes kept")->delimiter(',');
  app.add_flag("--no-activations-rows", o.no_activations_rows,
               "leave out what faster arithmetic of the linear layers costs by itself");
}

void add_ppl(CLI::App& app, Options& o) {
  add_common(app, o);
  app.add_option("--kv", o.kv, "policy of the cache, as for generate")->capture_default_str();
  app.add_option("--tokens", o.tokens, "the first so many of the text")->capture_default_str();
  app.add_option("--score-from", o.score_from, "first token that is scored; what precedes it is the prompt")
      ->check(CLI::Range(2, 1 << 30))
      ->capture_default_str();
}

void check_first_token(const Options& o) {
  if (!o.first_token) return;
  const int vocabulary = read_config(GgufFile(o.settings.model_path)).vocabulary;
  if (*o.first_token >= 0 && *o.first_token < vocabulary) return;
  throw Error(ErrorKind::kBadOption, "--first-token " + std::to_string(*o.first_token) +
                                         ": the model's tokens are 0 to " + std::to_string(vocabulary - 1));
}

std::vector<Segment> segments_of(const Options& o) {
  const SegmentShape& shape = o.settings.shape;
  const std::vector<int> text = tokens_of_file(o.settings.model_path, o.text);
  const std::vector<int64_t> starts =
      o.starts.empty() ? draw_starts(o.segments, o.seed, int64_t(text.size()), shape) : o.starts;
  std::vector<Segment> segments;
  for (const int64_t start : starts) segments.push_back(cut_segment(text, start, shape, o.first_token));
  return segments;
}

void run_kld(const Options& o) {
  const Activations activations = parse_activations(o.activations);
  std::vector<EvalRow> rows = make_rows(o.policies, o.ratios, activations);
  if (activations == Activations::kF32 && !o.no_activations_rows)
    std::ranges::copy(activation_rows(), std::back_inserter(rows));
  check_first_token(o);
  const std::vector<Segment> segments = segments_of(o);
  OutputFile json(o.json);
  const auto progress = [](const std::string& line) { std::cerr << line << std::endl; };
  const std::vector<RowSummary> summaries = measure_rows(o.settings, rows, segments, activations, progress);
  json.write(rows_to_json(summaries));
  std::cout << rows_to_markdown(summaries);
}

void run_ppl(Options o) {
  if (o.tokens <= o.score_from) {
    throw Error(ErrorKind::kBadOption, "--tokens " + std::to_string(o.tokens) + ": more than --score-from " +
                                           std::to_string(o.score_from) + " is needed");
  }
  o.settings.shape = {o.score_from - 1, o.tokens - o.score_from};
  const std::vector<int> text = tokens_of_file(o.settings.model_path, o.text);
  const Segment segment = cut_segment(text, 0, o.settings.shape, std::nullopt);
  OutputFile json(o.json);
  const EvalRow row{o.kv, std::nullopt, parse_policy(o.kv), parse_activations(o.activations)};
  const double ppl = measure_perplexity(o.settings, row, segment);
  json.write({{"ppl", ppl}});
  std::printf("perplexity %.4f over %d tokens, cache %s, activations %s\n", ppl, o.settings.shape.score_tokens,
              describe(row.policy).c_str(), o.activations.c_str());
}

// The one line that says what is wrong with the command line.
std::string parse_error(const CLI::ParseError& error, const CLI::App& app) {
  if (app.get_subcommands().empty()) return "eval measures kld or ppl: leankv eval kld --help, leankv eval ppl --help";
  const std::vector<std::string> extras = app.remaining(true);
  const auto flag = std::ranges::find_if(extras, [](const std::string& word) { return word.starts_with("-"); });
  if (flag == extras.end()) return std::string(error.what()) + " (leankv eval --help)";
  std::vector<std::string> names;
  for (const CLI::App* command : app.get_subcommands()) {
    for (const CLI::Option* option : command->get_options()) {
      for (const std::string& name : option->get_lnames()) names.push_back("--" + name);
    }
  }
  const std::vector<std::string_view> known(names.begin(), names.end());
  const std::string_view nearest = nearest_name(flag->substr(0, flag->find('=')), known);
  const std::string hint = nearest.empty() ? "leankv eval --help" : "did you mean " + std::string(nearest) + "?";
  return "unknown option " + *flag + " (" + hint + ")";
}

}  // namespace

int run_eval(std::span<char* const> args) {
  Options options;
  CLI::App app("Measures how close a compressed cache stays to the uncompressed one.", "leankv eval");
  app.require_subcommand(1);
  CLI::App& kld = *app.add_subcommand("kld", "KL divergence, perplexity and same-top-token against `off`");
  CLI::App& ppl = *app.add_subcommand("ppl", "perplexity of the beginning of a text");
  add_kld(kld, options);
  add_ppl(ppl, options);
  name_environment(kld);
  name_environment(ppl);
  try {
    app.parse(std::vector<std::string>(args.rbegin(), args.rend()));
  } catch (const CLI::ParseError& e) {
    if (e.get_exit_code() == 0) return app.exit(e, std::cout, std::cerr);
    throw Error(ErrorKind::kBadOption, parse_error(e, app));
  }
  options.settings.model_path = resolve_model(options.settings.model_path);
  if (!options.isa.empty()) options.settings.isa = parse_isa(options.isa);
  if (kld.parsed()) {
    run_kld(options);
  } else {
    run_ppl(options);
  }
  return 0;
}

}  // namespace leankv
