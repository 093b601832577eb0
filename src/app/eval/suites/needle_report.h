// What each cache retrieved, beside what `off` did.
#pragma once

#include <map>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "app/eval/rows.h"
#include "app/eval/suites/cell.h"
#include "app/eval/suites/needle_cells.h"

namespace leankv {

// One question of one row.
struct NeedleOutcome {
  NeedleTask task = NeedleTask::kPasskey;
  int length = 0, depth = 0, trial = 0;
  std::string expected, answer;
  bool found = false;
  std::map<std::string, double> kept;  // of the prompt: share of token-heads by tier, and "pruned"
};

struct NeedleRow {
  EvalRow row;
  double ratio_page_true = 0;
  std::vector<NeedleOutcome> outcomes;  // in the order of cells and needles
};

// results [cells]
NeedleRow score_needles(const EvalRow& row, std::span<const NeedleCell> cells, const std::vector<CellResult>& results);

// rows: `off` first.
nlohmann::ordered_json needles_to_json(std::span<const NeedleRow> rows);
// Totals, then a grid of length by depth for each row and task.
std::string needles_to_markdown(std::span<const NeedleRow> rows);

}  // namespace leankv
