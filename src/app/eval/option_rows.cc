#include "app/eval/option_rows.h"

#include <limits>

#include "app/option_values.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

// So that the sum of two, and one more, is an int.
int tokens(Text& text) { return number(text, 1, 1'000'000'000, "a whole number from 1 to 1000000000"); }

// Repeated options add to the list.
void starts(Options& o, Text& text) {
  if (text.empty()) refuse_option("no token is named");
  for (const std::string& t : comma_separated(text)) {
    constexpr int64_t kMost = std::numeric_limits<int64_t>::max();
    o.eval.starts.push_back(number<int64_t>(t, 0, kMost, "a whole number from 0 up"));
  }
}

void ratios(Options& o, Text& text) {
  if (text.empty()) refuse_option("no ratio is named");
  for (const std::string& t : comma_separated(text)) o.eval.ratios.push_back(ratio(t));
}

void seed(Options& o, Text& text) {
  o.eval.seed = number<uint64_t>(text, 0, std::numeric_limits<uint64_t>::max(), "a whole number from 0 up");
}

const OptionRow kRows[] = {
    {"--text", "FILE", kEvalCommands, "the text to measure on; needed", [](Options& o, Text& t) { o.eval.text = t; }},
    {"--json", "FILE", kEvalCommands, "also write the result as JSON", [](Options& o, Text& t) { o.eval.json = t; }},

    {"--prompt-tokens", "N", kKldCommand, "tokens of a prompt: computed, then compressed (2048)",
     [](Options& o, Text& t) { o.eval.shape.prompt_tokens = tokens(t); }},
    {"--score-tokens", "N", kKldCommand, "tokens after it, teacher-forced and compared (256)",
     [](Options& o, Text& t) { o.eval.shape.score_tokens = tokens(t); }},
    {"--decode", "", kKldCommand, "judge those tokens on their way, as an answer's; the ratio is that at their end",
     [](Options& o, Text&) { o.eval.shape.decode = true; }},
    {"--starts", "N,N", kKldCommand, "the segments' first tokens in the text", starts},
    {"--segments", "N", kKldCommand, "instead: draw so many starts (4)",
     [](Options& o, Text& t) { o.eval.segments = count(t, 1); }},
    {"--seed", "N", kKldCommand, "of that draw (1)", seed},
    {"--first-token", "ID", kKldCommand, "replaces the first token of each segment",
     [](Options& o, Text& t) { o.eval.first_token = count(t); }},
    {"--policies", "NAME,NAME", kKldCommand, "the caches (forecast,paper,q8_0:q8_0,q8_0:q4_0,q4_0:q4_0)",
     [](Options& o, Text& t) { o.eval.policies = t; }},
    {"--ratios", "R,R", kKldCommand, "page-true targets of forecast and paper, 16-bit bytes / bytes kept (4,8,11)",
     ratios},
    {"--no-activations-rows", "", kKldCommand, "leave out what faster arithmetic costs by itself",
     [](Options& o, Text&) { o.eval.activations_rows = false; }},

    {"--kv", "NAME", kPplCommand, "the cache: any of those that eval kld --policies takes (off)",
     [](Options& o, Text& t) { o.eval.kv = t; }},
    {"--tokens", "N", kPplCommand, "how much of the text's beginning (512)",
     [](Options& o, Text& t) { o.eval.tokens = count(t); }},
    {"--score-from", "N", kPplCommand, "the first token that is scored; what precedes it is the prompt (256)",
     [](Options& o, Text& t) { o.eval.score_from = count(t, 2); }},

    {"--activations", "NAME", kEvalCommands, "arithmetic of linear layers: f32, exact, int8 (f32)",
     [](Options& o, Text& t) { o.eval.activations = parse_activations(t); }},
};

}  // namespace

std::span<const OptionRow> eval_option_rows() { return kRows; }

}  // namespace leankv
