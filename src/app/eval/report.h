// The measured rows as JSON for programs and as a Markdown table for people.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "app/eval/scores.h"

namespace leankv {

// What every table's row begins with: "policy", "ratio_target" (null: none), "ratio_page_true"; "| policy | target |
// ratio |".
nlohmann::ordered_json row_head_json(const EvalRow& row, double ratio_page_true);
std::string row_head(const EvalRow& row, double ratio_page_true);

// [{"policy", "ratio_target" (null: none), "ratio_page_true", "kld_mean", "kld_p99", "kld_max", "ppl_ratio", "top1",
//   "segments": [{"start", "kld_mean"}]}]
nlohmann::ordered_json rows_to_json(std::span<const RowSummary> rows);

std::string rows_to_markdown(std::span<const RowSummary> rows);

}  // namespace leankv
