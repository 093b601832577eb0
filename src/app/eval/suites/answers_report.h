// Answers that a program marked, of every cache beside those of `off`: counts, agreement, and how the length drifts.
#pragma once

#include <functional>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "app/eval/rows.h"
#include "app/eval/suites/cell.h"
#include "app/eval/suites/runner.h"

namespace leankv {

struct MarkedAnswer {
  std::string item{};      // which question
  std::string expected{};  // in words; may be empty
  std::string answer{};
  std::string said{};  // what of the answer is compared with what `off` said
  int tokens = 0;
  bool cut = false;                                   // at the most tokens
  std::vector<std::pair<std::string, bool>> marks{};  // what was checked, and whether it held
};

struct MarkedRow {
  EvalRow row;
  double ratio_page_true = 0;
  std::vector<MarkedAnswer> answers;  // in the order of cells and questions
};

// A suite whose answers can be marked one by one.
struct MarkedSuite {
  SuitePlan plan;
  nlohmann::ordered_json settings;  // all that the answers depend on, beside cells and rows
  std::function<MarkedAnswer(std::size_t cell, std::size_t question, const CellAnswer& answer)> mark;
};

// Runs it, writes --json, and prints the table.
void run_marked(const AppOptions& options, const MarkedSuite& suite);

// rows: `off` first.
nlohmann::ordered_json answers_to_json(std::span<const MarkedRow> rows);
std::string answers_to_markdown(std::span<const MarkedRow> rows);

// Settings that every suite has.
nlohmann::ordered_json common_settings(const std::string& suite, const std::string& model, const AppOptions& options,
                                       Asked asked);

}  // namespace leankv
