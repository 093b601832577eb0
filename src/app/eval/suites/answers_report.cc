#include "app/eval/suites/answers_report.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/eval/report.h"
#include "app/eval/suites/count.h"
#include "app/option_values.h"

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

Json json_of(Count c) { return {{"held", c.held}, {"of", c.all}}; }

// In the order in which they first come.
std::vector<std::string> mark_names(const MarkedRow& row) {
  std::vector<std::string> names;
  for (const MarkedAnswer& a : row.answers) {
    for (const auto& [name, held] : a.marks) {
      if (std::ranges::count(names, name) == 0) names.push_back(name);
    }
  }
  return names;
}

Count count_of(const MarkedRow& row, const std::string& mark) {
  Count count;
  for (const MarkedAnswer& a : row.answers) {
    for (const auto& [name, held] : a.marks) {
      if (name == mark) count.add(held);
    }
  }
  return count;
}

// Of the marks that hold at `off`, those that hold.
Count kept_of_off(const MarkedRow& off, const MarkedRow& row) {
  Count count;
  for (std::size_t i = 0; i < off.answers.size(); ++i) {
    for (std::size_t m = 0; m < off.answers[i].marks.size(); ++m) {
      if (off.answers[i].marks[m].second) count.add(row.answers[i].marks[m].second);
    }
  }
  return count;
}

Count same_as_off(const MarkedRow& off, const MarkedRow& row) {
  Count count;
  for (std::size_t i = 0; i < off.answers.size(); ++i) count.add(off.answers[i].said == row.answers[i].said);
  return count;
}

double mean_tokens(const MarkedRow& row) {
  double sum = 0;
  for (const MarkedAnswer& a : row.answers) sum += a.tokens;
  return row.answers.empty() ? 0 : sum / double(row.answers.size());
}

int cut_answers(const MarkedRow& row) { return int(std::ranges::count(row.answers, true, &MarkedAnswer::cut)); }

double length_over_off(const MarkedRow& off, const MarkedRow& row) {
  return mean_tokens(off) > 0 ? mean_tokens(row) / mean_tokens(off) : 0;
}

Json answer_json(const MarkedAnswer& a) {
  Json json{{"item", a.item}, {"expected", a.expected}, {"answer", a.answer}, {"tokens", a.tokens}, {"cut", a.cut}};
  for (const auto& [name, held] : a.marks) json["marks"][name] = held;
  return json;
}

Json row_json(const MarkedRow& off, const MarkedRow& r) {
  Json json = row_head_json(r.row, r.ratio_page_true);
  for (const std::string& mark : mark_names(r)) json["marks"][mark] = json_of(count_of(r, mark));
  json["of_off"] = json_of(kept_of_off(off, r));
  json["same_as_off"] = json_of(same_as_off(off, r));
  json["mean_answer_tokens"] = mean_tokens(r);
  json["length_over_off"] = length_over_off(off, r);
  json["cut"] = cut_answers(r);
  json["answers"] = Json::array();
  for (const MarkedAnswer& a : r.answers) json["answers"].push_back(answer_json(a));
  return json;
}

MarkedRow marked(const MarkedSuite& suite, const EvalRow& row, const std::vector<CellResult>& results) {
  MarkedRow marked{row, page_true_ratio(results), {}};
  for (std::size_t c = 0; c < results.size(); ++c) {
    for (std::size_t q = 0; q < results[c].answers.size(); ++q) {
      const CellAnswer& answer = results[c].answers[q];
      MarkedAnswer m = suite.mark(c, q, answer);
      m.answer = answer.text;
      m.tokens = answer.tokens;
      m.cut = answer.finish == FinishReason::kLength;
      marked.answers.push_back(std::move(m));
    }
  }
  return marked;
}

}  // namespace

void run_marked(const AppOptions& options, const MarkedSuite& suite) {
  const std::vector<EvalRow> rows = suite_rows(options.suite, answer_activations(options.suite));
  CellLog log(options.suite.json, suite.settings);
  const auto results = run_cells(options, suite.plan, rows, log);
  std::vector<MarkedRow> all;
  for (std::size_t r = 0; r < rows.size(); ++r) all.push_back(marked(suite, rows[r], results[r]));
  log.finish({{"settings", suite.settings}, {"rows", answers_to_json(all)}});
  fmt::print("{}", answers_to_markdown(all));
}

nlohmann::ordered_json answers_to_json(std::span<const MarkedRow> rows) {
  Json list = Json::array();
  for (const MarkedRow& r : rows) list.push_back(row_json(rows.front(), r));
  return list;
}

std::string answers_to_markdown(std::span<const MarkedRow> rows) {
  std::string head = "| policy | target | page-true ratio |", line = "|---|--:|--:|";
  const std::vector<std::string> marks = mark_names(rows.front());
  for (const std::string& mark : marks) head += " " + mark + " |", line += "--:|";
  std::string table =
      head + " of what holds at off | same as off | answer length / off | cut |\n" + line + "--:|--:|--:|--:|\n";
  for (const MarkedRow& r : rows) {
    table += row_head(r.row, r.ratio_page_true);
    for (const std::string& mark : marks) table += " " + text_of(count_of(r, mark)) + " |";
    table += fmt::format(" {} | {} | {:.2f} | {} |\n", text_of(kept_of_off(rows.front(), r)),
                         text_of(same_as_off(rows.front(), r)), length_over_off(rows.front(), r), cut_answers(r));
  }
  return table;
}

nlohmann::ordered_json common_settings(const std::string& suite, const std::string& model, const AppOptions& o,
                                       Asked asked) {
  return {{"suite", suite},
          {"model", model},
          {"question", asked == Asked::kAfter ? "after" : "within"},
          {"seed", o.suite.seed},
          {"activations", activations_name(answer_activations(o.suite))},
          {"calibration", o.engine.calibration.origin},
          {"chunk", o.engine.chunk}};
}

}  // namespace leankv
