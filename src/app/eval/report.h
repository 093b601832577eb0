// The measured rows as JSON for programs and as a Markdown table for people.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>

#include "app/eval/scores.h"

namespace leankv {

// [{"policy", "ratio_target" (null: none), "ratio_page_true", "kld_mean", "kld_p99", "kld_max", "ppl_ratio", "top1",
//   "segments": [{"start", "kld_mean"}]}]
nlohmann::ordered_json rows_to_json(std::span<const RowSummary> rows);

std::string rows_to_markdown(std::span<const RowSummary> rows);

}  // namespace leankv
