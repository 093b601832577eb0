#include "app/eval/suites/suites.h"

#include <fmt/format.h>

#include "app/eval/suites/needle.h"
#include "app/interrupt.h"
#include "app/model_path.h"
#include "app/option_values.h"

namespace leankv {
namespace {

constexpr const char* kNeedleUsage =
    "leankv eval needle    numbers hidden in a long text: which does a compressed cache still give back?\n\n";

constexpr Suite kSuites[] = {{"needle", kNeedleCommand, kNeedleUsage, run_needle}};

}  // namespace

std::span<const Suite> suites() { return kSuites; }

int run_suite(const Suite& suite, std::span<char* const> args) {
  AppOptions options = parse_options(args, suite.command);
  if (options.help) return fmt::print("{}{}", suite.usage, options_help(suite.command)), 0;
  if (!options.arguments.empty()) {
    refuse_option("unexpected argument '" + options.arguments.front() + "'; lists are separated by commas");
  }
  options.engine.model_path = resolve_model(options.engine.model_path);
  catch_interrupts();
  suite.run(options);
  return 0;
}

}  // namespace leankv
