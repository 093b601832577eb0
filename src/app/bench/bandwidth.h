// How fast this machine reads memory: what decode is held against.
#pragma once

#include "base/thread_pool.h"

namespace leankv {

// Bytes per second of all threads of the pool together, each reading its own part of a buffer far larger than the last
// cache; the best of a few passes.
double measure_read_bandwidth(ThreadPool& threads);

}  // namespace leankv
