#include "app/load/load_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <map>

#include "app/byte_size.h"
#include "app/eval/metrics.h"
#include "app/table.h"

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

constexpr std::size_t kShownErrors = 3;

// What is told of every answered request.
struct Measure {
  const char *name, *label;
  double (*of)(const MeasuredRequest&);
};
constexpr Measure kMeasures[] = {
    {"ttft_ms", "time to first token, ms", [](const MeasuredRequest& r) { return 1e3 * r.first_token_s(); }},
    {"tpot_ms", "time per output token, ms", [](const MeasuredRequest& r) { return 1e3 * r.per_token_s(); }},
    {"request_s", "whole request, s", [](const MeasuredRequest& r) { return r.total_s(); }},
    {"prompt_tokens", "prompt, tokens", [](const MeasuredRequest& r) { return double(r.prompt_tokens); }},
    {"output_tokens", "answer, tokens", [](const MeasuredRequest& r) { return double(r.output_tokens); }},
};

struct ShownShare {
  const char* name;
  double share;
};
constexpr ShownShare kShares[] = {{"p50", 0.5}, {"p90", 0.9}, {"p99", 0.99}};

// A measure's values; the time per token has none of an answer of one token.
std::vector<double> values_of(const Measure& measure, const LoadResult& result) {
  std::vector<double> values;
  for (const MeasuredRequest& r : result.requests) {
    const double value = r.error.empty() ? measure.of(r) : NAN;
    if (std::isfinite(value)) values.push_back(value);
  }
  return values;
}

double sum(const LoadResult& result, double (*of)(const MeasuredRequest&)) {
  double total = 0;
  for (const MeasuredRequest& r : result.requests) total += r.error.empty() ? of(r) : 0;
  return total;
}
double output_tokens(const LoadResult& r) {
  return sum(r, [](const MeasuredRequest& m) { return double(m.output_tokens); });
}
double prompt_tokens(const LoadResult& r) {
  return sum(r, [](const MeasuredRequest& m) { return double(m.prompt_tokens); });
}
double cache_ratio(const LoadResult& r) {  // 0: not told
  const double bytes = sum(r, [](const MeasuredRequest& m) { return m.cache_bytes; });
  return bytes > 0 ? sum(r, [](const MeasuredRequest& m) { return m.cache_bytes_16bit; }) / bytes : 0;
}

std::size_t failed(const LoadResult& result) {
  return std::size_t(std::ranges::count_if(result.requests, [](const auto& r) { return !r.error.empty(); }));
}

std::string arrivals_text(const Arrivals& a) {
  return a.rate > 0 ? fmt::format("poisson:{:g}", a.rate) : fmt::format("closed:{}", a.clients);
}

std::string errors_text(const LoadResult& result) {
  std::map<std::string, int> errors;
  for (const MeasuredRequest& r : result.requests) {
    if (!r.error.empty()) ++errors[r.error];
  }
  std::string text;
  std::size_t shown = 0;
  for (const auto& [error, count] : errors) {
    if (shown++ < kShownErrors) text += fmt::format("failed   {} times: {}\n", count, error);
  }
  return text;
}

std::optional<double> difference(const LoadWatch& watch, std::optional<double> ServerMetrics::*counter) {
  if (!(watch.first.*counter) || !(watch.last.*counter)) return std::nullopt;
  return *(watch.last.*counter) - *(watch.first.*counter);
}

double mean_running(const LoadWatch& w) { return w.samples > 0 ? w.running_sum / w.samples : 0; }
double mean_running_crowded(const LoadWatch& w) {
  return w.crowded_samples > 0 ? w.running_crowded_sum / w.crowded_samples : 0;
}
double pool_bytes(const LoadWatch& w) { return w.last.pages.value_or(0) * w.last.page_bytes.value_or(0); }

std::string server_text(const LoadWatch& watch) {
  if (watch.samples == 0) return "server   offers no /metrics: nothing is known of its cache\n";
  std::string text = fmt::format("running  {:.1f} on average, at most {:.0f}", mean_running(watch), watch.running_most);
  if (watch.crowded_samples > 0) text += fmt::format("; {:.1f} while others waited", mean_running_crowded(watch));
  text += "\n";
  if (watch.last.cache_usage) {
    text += fmt::format("cache    at most {:.1f} %", 100 * watch.cache_usage_most);
    if (pool_bytes(watch) > 0) text += " of " + format_bytes(pool_bytes(watch));
    text += "\n";
  }
  const auto again = difference(watch, &ServerMetrics::preemptions);
  if (again) text += fmt::format("again    {:.0f} sequences were computed again", *again);
  const auto tokens = difference(watch, &ServerMetrics::recomputed_tokens);
  if (tokens) text += fmt::format(", {:.0f} tokens", *tokens);
  return again ? text + "\n" : text;
}

Json server_json(const LoadWatch& watch) {
  if (watch.samples == 0) return nullptr;
  Json json{{"running_mean", mean_running(watch)},
            {"running_mean_while_others_wait", mean_running_crowded(watch)},
            {"running_most", watch.running_most},
            {"cache_usage_most", watch.cache_usage_most},
            {"pool_bytes", pool_bytes(watch)}};
  const auto again = difference(watch, &ServerMetrics::preemptions);
  const auto tokens = difference(watch, &ServerMetrics::recomputed_tokens);
  json["recomputed_sequences"] = again ? Json(*again) : Json();
  json["recomputed_tokens"] = tokens ? Json(*tokens) : Json();
  return json;
}

Json request_json(const MeasuredRequest& r) {
  Json json{{"sent_s", r.sent_s}, {"end_s", r.end_s}};
  if (!r.error.empty()) return json["error"] = r.error, json;
  json["ttft_s"] = r.first_token_s();
  json["prompt_tokens"] = r.prompt_tokens;
  json["output_tokens"] = r.output_tokens;
  return json;
}

}  // namespace

std::string load_to_text(const LoadOptions& options, const LoadResult& result) {
  Table table({"", "mean", "p50", "p90", "p99"});
  for (const Measure& measure : kMeasures) {
    const std::vector<double> values = values_of(measure, result);
    if (values.empty()) continue;
    std::vector<std::string> row{measure.label, fmt::format("{:.1f}", mean(values))};
    for (const ShownShare& s : kShares) row.push_back(fmt::format("{:.1f}", percentile(values, s.share)));
    table.add(std::move(row));
  }
  const double seconds = std::max(result.seconds, 1e-9);
  std::string text = fmt::format("load     {}, {} requests to {}{}\n", arrivals_text(options.arrivals),
                                 result.requests.size(), options.url, result.exact_prompts ? "" : ", prompts as text");
  text += fmt::format("answered {} in {:.1f} s: {:.1f} output tok/s, {:.1f} prompt tok/s, {:.2f} requests/s\n",
                      result.requests.size() - failed(result), seconds, output_tokens(result) / seconds,
                      prompt_tokens(result) / seconds, double(result.requests.size() - failed(result)) / seconds);
  if (cache_ratio(result) > 0) text += fmt::format("kv       {:.2f} times smaller at the end\n", cache_ratio(result));
  return text + errors_text(result) + server_text(result.watch) + "\n" + table.text();
}

Json load_to_json(const LoadOptions& options, const LoadResult& result) {
  const double seconds = std::max(result.seconds, 1e-9);
  Json json{{"url", options.url},
            {"arrivals", arrivals_text(options.arrivals)},
            {"kv", options.kv},
            {"seed", options.seed},
            {"exact_prompts", result.exact_prompts},
            {"requests", result.requests.size()},
            {"failed", failed(result)},
            {"seconds", seconds},
            {"output_tok_s", output_tokens(result) / seconds},
            {"prompt_tok_s", prompt_tokens(result) / seconds},
            {"cache_ratio", cache_ratio(result)}};
  for (const Measure& measure : kMeasures) {
    const std::vector<double> values = values_of(measure, result);
    if (values.empty()) continue;
    json[measure.name]["mean"] = mean(values);
    for (const ShownShare& s : kShares) json[measure.name][s.name] = percentile(values, s.share);
  }
  json["server"] = server_json(result.watch);
  for (const MeasuredRequest& r : result.requests) json["each"].push_back(request_json(r));
  return json;
}

}  // namespace leankv
