// Continuous batching: which tokens of which requests go into the next step, and what becomes of its logits.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <memory>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/request.h"
#include "engine/scheduler_statistics.h"

namespace leankv {

struct SchedulerOptions {
  int max_waiting = 1024;                        // choices that may wait; more are turned away
  std::function<void(std::string_view)> on_log;  // one line; from the engine's thread
};

class Scheduler;

}  // namespace leankv
