#include "app/bench/report.h"

#include <fmt/format.h>

#include <algorithm>

#include "app/eval/metrics.h"
#include "app/table.h"

namespace leankv {
namespace {

std::string spread_text(const Spread& s) {
  const char* form = s.median >= 100 ? "{:.0f} ({:.0f}-{:.0f})" : "{:.1f} ({:.1f}-{:.1f})";
  return fmt::format(fmt::runtime(form), s.median, s.low, s.high);
}

// Decode beside `off` at the same depth and batch.
std::string beside_off(std::span<const PointResult> points, const PointResult& p) {
  const auto off = std::ranges::find_if(points, [&](const PointResult& o) {
    return o.kv == "off" && o.depth == p.depth && o.batch == p.batch && o.skipped.empty();
  });
  if (off == points.end()) return "-";
  return fmt::format("{:.2f}", p.decode_tok_s.median / off->decode_tok_s.median);
}

struct PhaseColumn {
  const char* name;
  double PhaseShares::*share;
};
constexpr PhaseColumn kPhaseColumns[] = {
    {"linear", &PhaseShares::linear},       {"append", &PhaseShares::append},
    {"attention", &PhaseShares::attention}, {"observation", &PhaseShares::observation},
    {"judgement", &PhaseShares::judgement}, {"rest", &PhaseShares::rest},
};

struct PhaseRow {
  const char* name;
  std::optional<PhaseShares> PointResult::*phases;
};
constexpr PhaseRow kPhaseRows[] = {{"prompt", &PointResult::prompt_phases},
                                   {"prefill", &PointResult::prefill_phases},
                                   {"decode", &PointResult::decode_phases}};

nlohmann::ordered_json phases_to_json(const PointResult& point) {
  nlohmann::ordered_json all = nlohmann::ordered_json::object();
  for (const PhaseRow& row : kPhaseRows) {
    if (!(point.*row.phases)) continue;
    for (const PhaseColumn& c : kPhaseColumns) all[row.name][c.name] = *(point.*row.phases).*c.share;
  }
  return all;
}

}  // namespace

Spread spread_of(std::span<const double> values) {
  const std::vector<double> all(values.begin(), values.end());
  return {percentile(all, 0.5), percentile(all, 0.25), percentile(all, 0.75)};
}

std::string points_to_text(std::span<const PointResult> points) {
  Table table({"depth", "batch", "kv", "ratio", "prompt tok/s", "prefill tok/s", "decode tok/s", "/ off", "MB/step",
               "GB/s", "of peak"});
  std::string skipped;
  for (const PointResult& p : points) {
    if (!p.skipped.empty()) {
      skipped += fmt::format("skipped: depth {}, batch {}, {}: {}\n", p.depth, p.batch, p.kv, p.skipped);
      continue;
    }
    table.add({fmt::format("{}{}", p.depth, p.synthetic ? "*" : ""), std::to_string(p.batch), p.kv,
               fmt::format("{:.2f}", p.ratio_page_true),
               p.prompt_tok_s ? fmt::format("{:.0f}", p.prompt_tok_s->median) : "-", spread_text(p.prefill_tok_s),
               spread_text(p.decode_tok_s), beside_off(points, p), fmt::format("{:.1f}", p.bytes_per_step / 1e6),
               fmt::format("{:.1f}", p.gb_s), fmt::format("{:.0f} %", 100 * p.share_of_peak)});
  }
  const bool synthetic = std::ranges::any_of(points, &PointResult::synthetic);
  return table.text() + (synthetic ? "* pages filled with random codes in the recorded mix of tiers\n" : "") + skipped;
}

std::string phases_to_text(std::span<const PointResult> points) {
  std::vector<std::string> head{"depth", "batch", "kv", "of"};
  for (const PhaseColumn& c : kPhaseColumns) head.emplace_back(c.name);
  Table table(std::move(head));
  for (const PointResult& p : points) {
    for (const PhaseRow& row : kPhaseRows) {
      const bool repeated = row.phases == &PointResult::prompt_phases && p.batch > points.front().batch;
      if (!(p.*row.phases) || repeated) continue;
      std::vector<std::string> cells{std::to_string(p.depth), std::to_string(p.batch), p.kv, row.name};
      for (const PhaseColumn& c : kPhaseColumns)
        cells.push_back(fmt::format("{:.1f}", 100 * *(p.*row.phases).*c.share));
      table.add(std::move(cells));
    }
  }
  return "share of time, %; prompts are of one sequence\n" + table.text();
}

nlohmann::ordered_json points_to_json(std::span<const PointResult> points, const nlohmann::ordered_json& machine) {
  nlohmann::ordered_json list = nlohmann::ordered_json::array();
  for (const PointResult& p : points) {
    nlohmann::ordered_json one{{"kv", p.kv}, {"depth", p.depth}, {"batch", p.batch}};
    if (!p.skipped.empty()) {
      one["skipped"] = p.skipped;
    } else {
      one["prefill_tok_s"] = p.prefill_tok_s.median;
      one["decode_tok_s"] = p.decode_tok_s.median;
      one["bytes_per_step"] = p.bytes_per_step;
      one["gb_s"] = p.gb_s;
      one["share_of_peak"] = p.share_of_peak;
      one["prefill_tok_s_quartiles"] = {p.prefill_tok_s.low, p.prefill_tok_s.high};
      one["decode_tok_s_quartiles"] = {p.decode_tok_s.low, p.decode_tok_s.high};
      one["prompt_tok_s"] = nullptr;
      if (p.prompt_tok_s) {
        one["prompt_tok_s"] = p.prompt_tok_s->median;
        one["prompt_tok_s_quartiles"] = {p.prompt_tok_s->low, p.prompt_tok_s->high};
      }
      one["ratio_page_true"] = p.ratio_page_true;
      one["review_share"] = p.review_share;
      if (p.decode_phases) one["phases"] = phases_to_json(p);
      one["fill"] = p.synthetic ? "synthetic" : "real";
    }
    one.update(machine);
    list.push_back(std::move(one));
  }
  return list;
}

}  // namespace leankv
