// What a server's /metrics says that this client can use: names by their end, so vLLM's count as well as our own.
#pragma once

#include <optional>
#include <string_view>

namespace leankv {

struct ServerMetrics {
  std::optional<double> running, waiting, cache_usage;   // num_requests_*, kv_cache_usage_perc
  std::optional<double> preemptions, recomputed_tokens;  // counters
  std::optional<double> pages, page_bytes;               // of the pool
};

// text: Prometheus' format, version 0.0.4. Rows of one name are summed.
ServerMetrics parse_server_metrics(std::string_view text);

// The watched numbers of a whole load.
struct LoadWatch {
  int samples = 0, crowded_samples = 0;  // crowded: somebody waited
  double running_sum = 0, running_crowded_sum = 0, running_most = 0;
  double cache_usage_most = 0;
  ServerMetrics first, last;

  void add(const ServerMetrics& now);
};

}  // namespace leankv
