// Sends a planned load and measures what comes back.
#pragma once

#include <functional>
#include <vector>

#include "app/load/measured_request.h"
#include "app/load/options.h"
#include "app/load/server_metrics.h"

namespace leankv {

struct LoadResult {
  std::vector<MeasuredRequest> requests;  // as planned
  LoadWatch watch;
  double seconds = 0;          // from the first request to the end of the last answer
  bool exact_prompts = false;  // sent as tokens
};

// progress: the share of requests that have ended. Throws Error where the server cannot be used at all; requests that
// fail one by one are part of the result.
LoadResult run_load(const LoadOptions& options, const std::function<void(double)>& progress);

}  // namespace leankv
