#include "app/eval/suites/option_rows.h"

#include <limits>

#include "app/option_values.h"

namespace leankv {
namespace {

using Options = AppOptions;
using Text = const std::string;

constexpr unsigned kDataCommands = kGsm8kCommand | kHumanEvalCommand;
constexpr int kMostTokens = 1'000'000'000;

// Repeated options add to the list.
void add_counts(std::vector<int>& list, Text& text, int least, int most, const char* range) {
  if (text.empty()) refuse_option("no number is named");
  for (const std::string& t : comma_separated(text)) list.push_back(number(t, least, most, range));
}

void ratios(Options& o, Text& text) {
  if (text.empty()) refuse_option("no ratio is named");
  for (const std::string& t : comma_separated(text)) o.suite.ratios.push_back(ratio(t));
}

void asked(Options& o, Text& text) {
  if (text != "after" && text != "within") refuse_option("'" + text + "' is neither after nor within");
  o.suite.asked = text == "after" ? Asked::kAfter : Asked::kWithin;
}

const OptionRow kRows[] = {
    {"--policies", "NAME,NAME", kSuiteCommands,
     "the caches, beside off (off,paper,q8_0:q8_0,q8_0:q4_0,q4_0:q4_0,safe,balanced,small)",
     [](Options& o, Text& t) { o.suite.policies = t; }},
    {"--ratios", "R,R", kSuiteCommands, "page-true targets of forecast and paper (7)", ratios},
    {"--json", "FILE", kSuiteCommands, "write the result as JSON; what is done lies in FILE.part until then",
     [](Options& o, Text& t) { o.suite.json = t; }},
    {"--activations", "NAME", kSuiteCommands, "arithmetic of linear layers: exact, int8, f32 (exact; text: f32)",
     [](Options& o, Text& t) { o.suite.activations = parse_activations(t); }},
    {"--no-progress", "", kSuiteCommands, "no progress bar on a terminal",
     [](Options& o, Text&) { o.progress = false; }},
    {"--seed", "N", kNeedleCommand | kMultiCommand, "of what is drawn (1)",
     [](Options& o, Text& t) {
       o.suite.seed = number<uint64_t>(t, 0, std::numeric_limits<uint64_t>::max(), "a whole number from 0 up");
     }},
    {"--question", "WHERE", kNeedleCommand | kDataCommands,
     "after: asked when the prompt is compressed; within: the end of the judged prompt (needle: after)", asked},
    {"--text", "FILE", kNeedleCommand | kMultiCommand,
     "the text that fills the prompts; default: a log book that the program has with it",
     [](Options& o, Text& t) { o.suite.text = t; }},
    {"--data", "FILE", kDataCommands, "the data set as JSON lines; needed",
     [](Options& o, Text& t) { o.suite.data = t; }},
    {"--shots", "N", kDataCommands, "solved examples before a question, the first of the data (gsm8k: 8, humaneval: 4)",
     [](Options& o, Text& t) { o.suite.shots = count(t); }},
    {"--questions", "N", kDataCommands, "how many of the others are asked (50)",
     [](Options& o, Text& t) { o.suite.questions = count(t, 1); }},
    {"--max-tokens", "N", kDataCommands, "of an answer (gsm8k: 192, humaneval: 256)",
     [](Options& o, Text& t) { o.suite.max_tokens = count(t, 1); }},
    {"--execute", "", kHumanEvalCommand, "run the answers' Python, with limits but with your files in reach",
     [](Options& o, Text&) { o.suite.execute = true; }},
    {"--window", "N", kTextCommand, "tokens of a window's prompt; an eighth of that is scored after it (2048)",
     [](Options& o, Text& t) { o.suite.window = number(t, 64, kMostTokens, "a whole number from 64 to 1000000000"); }},
    {"--windows", "N", kTextCommand, "at most so many, evenly over the file (8)",
     [](Options& o, Text& t) { o.suite.windows = count(t, 1); }},
    {"--tasks", "NAME,NAME", kNeedleCommand, "passkey: one number in the text; kv: one at each depth (passkey,kv)",
     [](Options& o, Text& t) { o.suite.tasks = t; }},
    {"--lengths", "N,N", kNeedleCommand | kMultiCommand,
     "tokens of the prompts (512,1024,2048,4096,7900); multi: one length (1536)",
     [](Options& o, Text& t) {
       add_counts(o.suite.lengths, t, 1, kMostTokens, "a whole number from 1 to 1000000000");
     }},
    {"--depths", "P,P", kNeedleCommand, "percent of the text before a needle (0,10,20,...,100)",
     [](Options& o, Text& t) { add_counts(o.suite.depths, t, 0, 100, "a whole number from 0 to 100"); }},
    {"--trials", "N", kNeedleCommand | kMultiCommand,
     "prompts of each kind, with other numbers and other text (1; multi: 2)",
     [](Options& o, Text& t) { o.suite.trials = count(t, 1); }},
};

}  // namespace

std::span<const OptionRow> suite_option_rows() { return kRows; }

}  // namespace leankv
