// Runs every cell of a suite with every cache.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "app/eval/rows.h"
#include "app/eval/suites/cell.h"
#include "app/eval/suites/cell_log.h"
#include "app/options.h"

namespace leankv {

// Of the suites that ask for answers.
inline Activations answer_activations(const SuiteOptions& o) { return o.activations.value_or(Activations::kExact); }

// The rows of --policies and --ratios, `off` first whether it is named or not.
std::vector<EvalRow> suite_rows(const SuiteOptions& options, Activations activations);

struct SuitePlan {
  std::string suite;  // what the progress bar says
  Asked asked = Asked::kAfter;
  std::vector<SuiteCell> cells;
};

// Greedy answers. What `log` holds is not run again; each result is added to it. An engine, with a pool that is never
// short and a page size of its own, serves the rows of the same tiers. Result: [rows][cells]. Throws kBadRequest where
// a cell is too long for the model, and after Ctrl-C: then the log holds all that was done.
std::vector<std::vector<CellResult>> run_cells(const AppOptions& options, const SuitePlan& plan,
                                               const std::vector<EvalRow>& rows, CellLog& log);

// 16-bit bytes of all prompts over the bytes that they took after their judgement.
double page_true_ratio(const std::vector<CellResult>& results);

}  // namespace leankv
