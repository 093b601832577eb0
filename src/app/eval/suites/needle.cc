#include "app/eval/suites/needle.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/eval/suites/answers_report.h"
#include "app/eval/suites/needle_cells.h"
#include "app/eval/suites/needle_report.h"
#include "app/eval/suites/runner.h"
#include "app/option_values.h"

namespace leankv {
namespace {

constexpr int kQuestionRoom = 192;  // tokens of the longest question and answer, in any vocabulary of words

NeedleGrid grid_of(const SuiteOptions& o, int context) {
  NeedleGrid grid{{}, o.lengths, o.depths, o.trials.value_or(1), o.seed};
  for (const std::string& name : comma_separated(o.tasks)) grid.tasks.push_back(parse_needle_task(name));
  if (grid.tasks.empty()) refuse_option("--tasks: no task is named");
  if (grid.depths.empty()) grid.depths.assign(std::begin(kNeedleDepths), std::end(kNeedleDepths));
  for (const int length : kNeedleLengths) {
    if (o.lengths.empty() && length + kQuestionRoom <= context) grid.lengths.push_back(length);
  }
  if (grid.lengths.empty()) {
    refuse_option(
        fmt::format("the model's context of {} tokens has no room for a usual length: give --lengths", context));
  }
  return grid;
}

SuitePlan plan_of(const std::vector<NeedleCell>& cells, Asked asked) {
  SuitePlan plan{"needle", asked, {}};
  for (const NeedleCell& c : cells) plan.cells.push_back(c.cell);
  return plan;
}

}  // namespace

void run_needle(const AppOptions& options) {
  const SuiteModel model(options.engine.model_path);
  const Filler filler(model.tokenizer(), filler_text(options.suite.text), "--text " + options.suite.text);
  const NeedleGrid grid = grid_of(options.suite, model.context());
  const std::vector<NeedleCell> cells = make_needle_cells(model, filler, grid);
  const Asked asked = options.suite.asked.value_or(Asked::kAfter);
  const std::vector<EvalRow> rows = suite_rows(options.suite, answer_activations(options.suite));
  nlohmann::ordered_json settings = common_settings("needle", model.label(), options, asked);
  settings["text"] = options.suite.text;
  CellLog log(options.suite.json, settings);
  const auto results = run_cells(options, plan_of(cells, asked), rows, log);
  std::vector<NeedleRow> scored;
  for (std::size_t r = 0; r < rows.size(); ++r) scored.push_back(score_needles(rows[r], cells, results[r]));
  log.finish({{"settings", settings}, {"rows", needles_to_json(scored)}});
  fmt::print("{}", needles_to_markdown(scored));
}

}  // namespace leankv
