// A backend that notes how long its operations take: wraps another one's, so that nothing is paid for it otherwise.
#pragma once

#include "backend/backend.h"
#include "base/phase_timer.h"

namespace leankv {

// From now on linear layers, appends and attention are timed, by the thread that calls them; observation, inside
// attention, by each thread (CacheOps::time_phases). The timer must outlive the backend.
// REQUIRES a backend that computes on the host: a device only queues.
void time_operations(Backend& backend, PhaseTimer& timer);

}  // namespace leankv
