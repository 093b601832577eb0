#include "app/eval/report.h"

#include <algorithm>
#include <cstdio>

namespace leankv {
namespace {

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char line[256];
  std::snprintf(line, sizeof line, pattern, values...);
  return line;
}

std::string markdown_row(const RowSummary& r) {
  const auto worst = std::ranges::max_element(r.segments, {}, &RowSummary::OneSegment::kld_mean);
  return row_head(r.row, r.ratio_page_true) + format(" %.5f | %.5f | %.4f | %.3f | %.4f | %.1f |\n", r.kld_mean,
                                                     worst->kld_mean, r.kld_p99, r.kld_max, r.ppl_ratio, 100 * r.top1);
}

}  // namespace

nlohmann::ordered_json row_head_json(const EvalRow& row, double ratio_page_true) {
  nlohmann::ordered_json head{{"policy", row.name}, {"ratio_target", nullptr}, {"ratio_page_true", ratio_page_true}};
  if (row.ratio_target) head["ratio_target"] = *row.ratio_target;
  return head;
}

std::string row_head(const EvalRow& row, double ratio_page_true) {
  const std::string target = row.ratio_target ? format("%g", *row.ratio_target) : "";
  return "| " + row.name + " | " + target + format(" | %.2f |", ratio_page_true);
}

nlohmann::ordered_json rows_to_json(std::span<const RowSummary> rows) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const RowSummary& r : rows) {
    nlohmann::ordered_json one = row_head_json(r.row, r.ratio_page_true);
    one["kld_mean"] = r.kld_mean;
    one["kld_p99"] = r.kld_p99;
    one["kld_max"] = r.kld_max;
    one["ppl_ratio"] = r.ppl_ratio;
    one["top1"] = r.top1;
    one["kld_by_position"] = r.kld_by_position;
    one["segments"] = nlohmann::ordered_json::array();
    for (const auto& s : r.segments) one["segments"].push_back({{"start", s.start}, {"kld_mean", s.kld_mean}});
    list.push_back(std::move(one));
  }
  return list;
}

std::string rows_to_markdown(std::span<const RowSummary> rows) {
  std::string table =
      "| policy | target | page-true ratio | KLD mean | worst segment | KLD p99 | KLD max | perplexity / off | same "
      "top "
      "token, % |\n|---|--:|--:|--:|--:|--:|--:|--:|--:|\n";
  for (const RowSummary& r : rows) table += markdown_row(r);
  return table;
}

}  // namespace leankv
