#include "app/bench/option_rows.h"

#include "app/option_values.h"
#include "model/shapes.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

constexpr int kMostTokens = 1 << 24;  // of a depth; products with bytes per token stay far below 2^63
constexpr int kMostSequences = 4096;

std::vector<int> numbers(Text& text, int least, int most, const char* range) {
  std::vector<int> list;
  for (const std::string& t : comma_separated(text)) list.push_back(number(t, least, most, range));
  if (list.empty()) refuse_option("no number is named");
  return list;
}

WeightType weight_type(Text& text) {
  if (text == "q8_0") return WeightType::kQ8_0;
  if (text == "q4_0") return WeightType::kQ4_0;
  if (text == "q4_1") return WeightType::kQ4_1;
  refuse_option("'" + text + "' is none of q8_0, q4_0, q4_1");
}

BenchFill fill(Text& text) {
  if (text == "auto") return BenchFill::kAuto;
  if (text == "real") return BenchFill::kReal;
  if (text == "synthetic") return BenchFill::kSynthetic;
  refuse_option("'" + text + "' is none of auto, real, synthetic");
}

const OptionRow kRows[] = {
    {"--depths", "N,N", kBenchCommand, "tokens in the cache when measuring begins (0,1024,4096,8192)",
     [](Options& o, Text& t) { o.bench.depths = numbers(t, 0, kMostTokens, "a whole number from 0 to 16777216"); }},
    {"--batches", "N,N", kBenchCommand, "sequences that are decoded together (1,4,16)",
     [](Options& o, Text& t) { o.bench.batches = numbers(t, 1, kMostSequences, "a whole number from 1 to 4096"); }},
    {"--kv", "NAME,NAME", kBenchCommand,
     "the caches, measured in turn: those of --kv, tiers, forecast+ratio=5 (off,safe,small)",
     [](Options& o, Text& t) { o.bench.kv = t; }},
    {"--repeat", "N", kBenchCommand, "repetitions, of which median and quartiles are shown (5)",
     [](Options& o, Text& t) { o.bench.repeat = number(t, 1, 1000, "a whole number from 1 to 1000"); }},
    {"--prompt-repeat", "N", kBenchCommand, "how often each whole prompt is computed (1)",
     [](Options& o, Text& t) { o.bench.prompt_repeat = number(t, 1, 1000, "a whole number from 1 to 1000"); }},
    {"--steps", "N", kBenchCommand, "decode steps of one repetition; 0: so many that all together hold a review (0)",
     [](Options& o, Text& t) { o.bench.steps = number(t, 0, 100000, "a whole number from 0 to 100000"); }},
    {"--text", "FILE", kBenchCommand, "what the caches are filled with, repeated where it is too short",
     [](Options& o, Text& t) { o.bench.text = t; }},
    {"--shape", "NAME", kBenchCommand, "random weights of a known shape in memory, without a file: llama-3.2-1b, ...",
     [](Options& o, Text& t) { o.bench.shape = find_model_shape(t).name; }},
    {"--weights", "TYPE", kBenchCommand, "of --shape: q8_0, q4_0, q4_1 (q8_0)",
     [](Options& o, Text& t) { o.bench.weights = weight_type(t); }},
    {"--fill", "HOW", kBenchCommand,
     "real: a computed prompt; synthetic: random pages in a recorded mix of tiers (auto)",
     [](Options& o, Text& t) { o.bench.fill = fill(t); }},
    {"--phases", "", kBenchCommand, "also where the time goes", [](Options& o, Text&) { o.bench.phases = true; }},
    {"--kernels", "", kBenchCommand, "single operations of a GPU (--device cuda), for heads as those of --shape",
     [](Options& o, Text&) { o.bench.kernels = true; }},
    {"--json", "FILE", kBenchCommand, "also write the result as JSON", [](Options& o, Text& t) { o.bench.json = t; }},
    {"--record-mix", "FILE", kBenchCommand, "write the tiers of the deepest real caches, for synthetic ones",
     [](Options& o, Text& t) { o.bench.record_mix = t; }},
};

}  // namespace

std::span<const OptionRow> bench_option_rows() { return kRows; }

}  // namespace leankv
