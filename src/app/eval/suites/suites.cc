#include "app/eval/suites/suites.h"

#include <fmt/format.h>

#include "app/calibrate/find_calibration.h"
#include "app/eval/suites/gsm8k.h"
#include "app/eval/suites/humaneval.h"
#include "app/eval/suites/multi.h"
#include "app/eval/suites/needle.h"
#include "app/eval/suites/text.h"
#include "app/interrupt.h"
#include "app/model_path.h"
#include "app/option_values.h"

namespace leankv {
namespace {

constexpr const char* kNeedleUsage =
    "leankv eval needle    numbers hidden in a long text: which does a compressed cache still give back?\n\n";

constexpr const char* kMultiUsage =
    "leankv eval multi    several instructions in one prompt, and system prompts under a long conversation: which does "
    "the\n"
    "model still follow when they are compressed?\n\n";

constexpr const char* kGsm8kUsage =
    "leankv eval gsm8k --data FILE    mathematics in a few steps, after solved examples that are compressed\n\n";
constexpr const char* kHumanEvalUsage =
    "leankv eval humaneval --data FILE    functions in Python, after solved examples that are compressed; --execute "
    "tests\n"
    "them\n\n";
constexpr const char* kTextUsage =
    "leankv eval text FILE    KL divergence and perplexity of every cache over windows of your own text\n\n";

constexpr Suite kSuites[] = {{"needle", kNeedleCommand, kNeedleUsage, false, run_needle},
                             {"multi", kMultiCommand, kMultiUsage, false, run_multi},
                             {"gsm8k", kGsm8kCommand, kGsm8kUsage, false, run_gsm8k},
                             {"humaneval", kHumanEvalCommand, kHumanEvalUsage, false, run_humaneval},
                             {"text", kTextCommand, kTextUsage, true, run_text}};

}  // namespace

std::span<const Suite> suites() { return kSuites; }

int run_suite(const Suite& suite, std::span<char* const> args) {
  AppOptions options = parse_options(args, suite.command);
  if (options.help) return fmt::print("{}{}", suite.usage, options_help(suite.command)), 0;
  if (!options.arguments.empty() && !suite.takes_file) {
    refuse_option("unexpected argument '" + options.arguments.front() + "'; lists are separated by commas");
  }
  options.engine.model_path = resolve_model(options);
  use_calibration(options);
  catch_interrupts();
  suite.run(options);
  return 0;
}

}  // namespace leankv
