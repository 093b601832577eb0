#include "app/eval/suites/text.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/eval/report.h"
#include "app/eval/runs.h"
#include "app/eval/suites/runner.h"
#include "app/eval/suites/text_windows.h"
#include "app/files.h"
#include "app/option_values.h"
#include "app/progress_bar.h"

namespace leankv {

void run_text(const AppOptions& options) {
  if (options.arguments.size() != 1) refuse_option("one file is measured: leankv eval text FILE");
  const SuiteOptions& o = options.suite;
  const std::vector<int> text = tokens_of_file(options.engine.model_path, options.arguments.front());
  const TextWindows windows = windows_of(int64_t(text.size()), o.window, o.windows);
  std::vector<TextSegment> segments;
  for (const int64_t start : windows.starts) segments.push_back(cut_segment(text, start, windows.shape, {}));
  const Activations activations = o.activations.value_or(Activations::kF32);
  const std::vector<EvalRow> rows = suite_rows(o, activations);
  const EngineOptions& e = options.engine;
  const EvalSettings settings{e.model_path, e.threads, e.isa, e.chunk, 0, windows.shape, e.calibration};
  ProgressBar bar("text", options.progress && stderr_is_terminal());
  const double steps = double((rows.size() + 1) * segments.size());  // the references are one row more
  int done = 0;
  const auto progress = [&](const std::string&) { bar.update(++done / steps); };
  const std::vector<RowSummary> summaries = measure_rows(settings, rows, segments, activations, progress);
  bar.clear();
  if (!o.json.empty()) write_json(o.json, rows_to_json(summaries));
  fmt::print("{} windows of {} + {} tokens, of {} in the file\n\n{}", segments.size(), windows.shape.prompt_tokens,
             windows.shape.score_tokens, text.size(), rows_to_markdown(summaries));
}

}  // namespace leankv
