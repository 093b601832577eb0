// Which requests are sent and when: numbers that follow from the options and the seed alone.
#pragma once

#include <vector>

#include "app/load/options.h"

namespace leankv {

struct PlannedRequest {
  double arrival_s = 0;  // after the first; 0 where clients send as they are free
  int prompt_tokens = 0, output_tokens = 0;
  double place = 0;  // in the text, [0, 1)
};

std::vector<PlannedRequest> plan_workload(const LoadOptions& options);

}  // namespace leankv
