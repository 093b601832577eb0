// What a sequence's cache really took, for people and for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "backend/cache_usage.h"
#include "engine/generation.h"

namespace leankv {

struct UsageReport {
  CacheUsage usage;
  CacheShape shape;
  int64_t pool_bytes = 0;
  int64_t high_water_bytes = 0;
  int page_bytes = 0;
};
UsageReport report_of(const KvCache& cache, SlotId slot);

// Bytes per token of one head, page-true, least first: min, median, max of all heads.
struct HeadSpread {
  double least = 0, median = 0, most = 0;
};
HeadSpread head_spread(const UsageReport& report);
std::vector<double> layer_bytes_per_token(const UsageReport& report);  // [layers] mean over the layer's heads

std::string usage_text(const UsageReport& report);
std::string timings_text(const Timings& timings);
std::string layers_text(const UsageReport& report);  // a bar per layer

nlohmann::ordered_json usage_json(const UsageReport& report);
nlohmann::ordered_json timings_json(const Timings& timings);

}  // namespace leankv
