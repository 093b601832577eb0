#include "app/eval/suites/needle_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "app/eval/report.h"
#include "app/eval/suites/answer_text.h"
#include "app/eval/suites/count.h"
#include "app/eval/suites/runner.h"
#include "base/error.h"

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

template <class Chosen>
Count count_of(const NeedleRow& row, const Chosen& chosen) {
  Count count;
  for (const NeedleOutcome& o : row.outcomes) {
    if (chosen(o)) count.add(o.found);
  }
  return count;
}

// Of what `off` retrieves.
Count kept_of_off(const NeedleRow& off, const NeedleRow& row) {
  Count count;
  for (std::size_t i = 0; i < off.outcomes.size(); ++i) {
    if (off.outcomes[i].found) count.add(row.outcomes[i].found);
  }
  return count;
}

template <class T>
std::set<T> all_of(const NeedleRow& row, T NeedleOutcome::*member) {
  std::set<T> values;
  for (const NeedleOutcome& o : row.outcomes) values.insert(o.*member);
  return values;
}

std::string target_of(const NeedleRow& r) { return r.row.ratio_target ? fmt::format("{:g}", *r.row.ratio_target) : ""; }

std::string totals(std::span<const NeedleRow> rows) {
  const std::set<NeedleTask> tasks = all_of(rows.front(), &NeedleOutcome::task);
  std::string head = "| policy | target | page-true ratio |", line = "|---|--:|--:|";
  for (const NeedleTask t : tasks) head += fmt::format(" {} |", needle_task_name(t)), line += "--:|";
  std::string table = head + " of what off retrieves |\n" + line + "--:|\n";
  for (const NeedleRow& r : rows) {
    table += row_head(r.row, r.ratio_page_true);
    for (const NeedleTask t : tasks) {
      table += " " + text_of(count_of(r, [&](const NeedleOutcome& o) { return o.task == t; })) + " |";
    }
    table += " " + text_of(kept_of_off(rows.front(), r)) + " |\n";
  }
  return table;
}

std::string grid(const NeedleRow& row, NeedleTask task) {
  const std::set<int> depths = all_of(row, &NeedleOutcome::depth);
  std::string table = fmt::format("\n{} {}, {}: found by length and depth\n\n| tokens |", row.row.name, target_of(row),
                                  needle_task_name(task));
  std::string line = "|--:|";
  for (const int d : depths) table += fmt::format(" {} % |", d), line += "--:|";
  table += "\n" + line + "\n";
  for (const int length : all_of(row, &NeedleOutcome::length)) {
    table += fmt::format("| {} |", length);
    for (const int depth : depths) {
      const Count c = count_of(
          row, [&](const NeedleOutcome& o) { return o.task == task && o.length == length && o.depth == depth; });
      table += fmt::format(" {} |", c.held);
    }
    table += "\n";
  }
  return table;
}

Json row_json(const NeedleRow& off, const NeedleRow& r) {
  const auto pair = [](Count c) { return Json{{"found", c.held}, {"asked", c.all}}; };
  Json json = row_head_json(r.row, r.ratio_page_true);
  for (const NeedleTask t : all_of(r, &NeedleOutcome::task)) {
    json[std::string(needle_task_name(t))] = pair(count_of(r, [&](const NeedleOutcome& o) { return o.task == t; }));
  }
  json["of_off"] = pair(kept_of_off(off, r));
  json["outcomes"] = Json::array();
  for (const NeedleOutcome& o : r.outcomes) {
    json["outcomes"].push_back({{"task", needle_task_name(o.task)},
                                {"length", o.length},
                                {"depth", o.depth},
                                {"trial", o.trial},
                                {"expected", o.expected},
                                {"answer", o.answer},
                                {"found", o.found},
                                {"kept", o.kept}});
  }
  return json;
}

}  // namespace

NeedleRow score_needles(const EvalRow& row, std::span<const NeedleCell> cells, const std::vector<CellResult>& results) {
  LEANKV_CHECK(cells.size() == results.size());
  NeedleRow scored{row, page_true_ratio(results), {}};
  for (std::size_t c = 0; c < cells.size(); ++c) {
    for (std::size_t q = 0; q < cells[c].needles.size(); ++q) {
      const Needle& needle = cells[c].needles[q];
      const std::string& answer = results[c].answers[q].text;
      scored.outcomes.push_back({cells[c].task, cells[c].length, needle.depth, cells[c].trial, needle.expected, answer,
                                 first_digits(answer) == needle.expected, results[c].kept});
    }
  }
  return scored;
}

nlohmann::ordered_json needles_to_json(std::span<const NeedleRow> rows) {
  Json list = Json::array();
  for (const NeedleRow& r : rows) list.push_back(row_json(rows.front(), r));
  return list;
}

std::string needles_to_markdown(std::span<const NeedleRow> rows) {
  std::string text = totals(rows);
  for (const NeedleRow& r : rows) {
    for (const NeedleTask task : all_of(r, &NeedleOutcome::task)) text += grid(r, task);
  }
  return text;
}

}  // namespace leankv
