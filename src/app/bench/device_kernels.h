// What a GPU's kernels reach by themselves: attention of decode beside the peak of a copy, and what the management of
// memory takes of a step. Recorded and played back, as in decode, so that no launch is waited for.
#pragma once

#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "app/bench/memory_plan.h"
#include "app/bench/point.h"
#include "backend/cuda/device.h"

namespace leankv {

// Attention of all layers of a step over caches of one depth.
struct AttentionPoint {
  std::string kv;
  int depth = 0, batch = 0;
  std::string skipped;  // why it was not measured; empty: it was
  double bytes = 0;     // keys and values with their scales, read by one step
  Spread seconds;       // of a step
};

AttentionPoint measure_device_attention(Device& device, const CacheShape& shape, const BenchCase& what, int depth,
                                        int batch, int repeat);

// Milliseconds that the host waits for the device when it does nothing but manage memory.
struct MemoryTimes {
  int sequences = 0;
  double extend_ms = 0;   // a token for every sequence, in all layers and heads
  double release_ms = 0;  // of one sequence
  double review_ms = 0;   // of one sequence, when all are reviewed one after the other
};
MemoryTimes measure_device_memory(Device& device, const CacheShape& shape, int sequences, int depth, int steps);

// Milliseconds of the choice of a token for each of so many rows, and of the tokens' way to the host.
struct DrawTimes {
  int rows = 0, vocabulary = 0;
  double best_ms = 0;     // temperature 0
  double default_ms = 0;  // as a request that names nothing: top-k, top-p, min-p
  double all_ms = 0;      // from the whole vocabulary
};
DrawTimes measure_device_draws(Device& device, int rows, int vocabulary, int repeat);

// All of it: depths, batches and caches as they stand, in the order of the arguments.
struct KernelPlan {
  CacheShape attention, memory;
  std::vector<BenchCase> cases;
  std::vector<int> depths, batches;
  int repeat = 5;
  int sequences = 256, memory_depth = 1024, memory_steps = 64;
  int vocabulary = 128256;  // Llama 3's
};
nlohmann::ordered_json measure_device_kernels(Device& device, const KernelPlan& plan);

}  // namespace leankv
