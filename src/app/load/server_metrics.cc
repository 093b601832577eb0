#include "app/load/server_metrics.h"

#include <algorithm>
#include <cmath>
#include <cstdlib>
#include <string>

namespace leankv {
namespace {

struct MetricName {
  std::string_view end;
  std::optional<double> ServerMetrics::*value;
};
constexpr MetricName kNames[] = {
    {"num_requests_running", &ServerMetrics::running},
    {"num_requests_waiting", &ServerMetrics::waiting},
    {"kv_cache_usage_perc", &ServerMetrics::cache_usage},
    {"num_preemptions_total", &ServerMetrics::preemptions},
    {"recomputed_tokens_total", &ServerMetrics::recomputed_tokens},
    {"kv_pages", &ServerMetrics::pages},
    {"kv_page_bytes", &ServerMetrics::page_bytes},
    {"requests_processing", &ServerMetrics::running},  // llama-server's words
    {"requests_deferred", &ServerMetrics::waiting},
};

void take_line(std::string_view line, ServerMetrics& metrics) {
  const std::string_view name = line.substr(0, line.find_first_of("{ "));
  const std::string_view own = name.substr(name.find(':') + 1);  // all of it where there is no prefix
  const auto row = std::ranges::find(kNames, own, &MetricName::end);
  if (row == std::end(kNames)) return;
  const std::size_t labels_end = line.rfind('}');
  const std::string value(line.substr(labels_end == line.npos ? name.size() : labels_end + 1));
  const double number = std::strtod(value.c_str(), nullptr);
  if (std::isfinite(number)) metrics.*row->value = (metrics.*row->value).value_or(0) + number;
}

}  // namespace

ServerMetrics parse_server_metrics(std::string_view text) {
  ServerMetrics metrics;
  while (!text.empty()) {
    const std::string_view line = text.substr(0, text.find('\n'));
    text.remove_prefix(std::min(text.size(), line.size() + 1));
    if (!line.empty() && !line.starts_with('#')) take_line(line, metrics);
  }
  return metrics;
}

void LoadWatch::add(const ServerMetrics& now) {
  if (samples++ == 0) first = now;
  last = now;
  const double running = now.running.value_or(0);
  running_sum += running;
  running_most = std::max(running_most, running);
  cache_usage_most = std::max(cache_usage_most, now.cache_usage.value_or(0));
  if (now.waiting.value_or(0) == 0) return;
  ++crowded_samples;
  running_crowded_sum += running;
}

}  // namespace leankv
