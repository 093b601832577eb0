#include "app/eval/suites/multi.h"

#include "app/eval/suites/answers_report.h"
#include "app/eval/suites/multi_cells.h"
#include "app/option_values.h"
#include "base/trimmed.h"

namespace leankv {

void run_multi(const AppOptions& options) {
  const SuiteOptions& o = options.suite;
  if (o.lengths.size() > 1) refuse_option("--lengths: one length here");
  const int tokens = o.lengths.empty() ? kMultiTokens : o.lengths.front();
  const SuiteModel model(options.engine.model_path);
  const Filler filler(model.tokenizer(), filler_text(o.text), "--text " + o.text);
  const std::vector<MultiCell> cells = make_multi_cells(model, filler, tokens, o.trials.value_or(kMultiTrials), o.seed);
  MarkedSuite suite;
  suite.plan = {"multi", Asked::kAfter, {}};
  for (const MultiCell& c : cells) suite.plan.cells.push_back(c.cell);
  suite.settings = common_settings("multi", model.label(), options, Asked::kAfter);
  suite.settings["text"] = o.text;
  suite.mark = [&](std::size_t cell, std::size_t question, const CellAnswer& answer) {
    const MultiCheck& check = cells[cell].checks[question];
    const std::string expected = check.rule == nullptr ? check.expected : std::string(check.rule->words);
    return MarkedAnswer{.item = cells[cell].cell.key + ": " + check.asked,
                        .expected = expected,
                        .said = std::string(trimmed(answer.text)),
                        .marks = {{check.mark, check.holds(answer.text)}}};
  };
  run_marked(options, suite);
}

}  // namespace leankv
