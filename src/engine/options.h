// What an engine is started with.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "backend/dense_ops.h"
#include "base/isa.h"
#include "engine/calibration.h"
#include "kv/policy.h"

namespace leankv {

inline constexpr int kDefaultContext = 8192;  // where the model allows it
inline constexpr int kDefaultChunk = 512;     // prompt tokens computed together
inline constexpr int kSmallestChunk = 16;

struct EngineOptions {
  std::string model_path;
  std::string backend = "cpu";       // or "cuda", "reference"
  double device_memory_share = 0.9;  // of a GPU's memory, that weights, tables and the default pool may take
  int threads = 0;                   // 0: one per core
  bool threads_stay = false;         // each worker on a core of its own
  std::optional<Isa> isa;            // empty: the best this machine has
  Activations activations = Activations::kExact;
  int context = 0;    // tokens per sequence; 0: the model's, at most kDefaultContext
  int sequences = 1;  // that may be held at once
  int chunk = kDefaultChunk;
  int64_t pool_bytes = 0;  // 0: `sequences` contexts at the policy's ratio, at most half of free memory
  Policy policy = off_policy();
  std::vector<Policy> other_policies;  // that sequences may also ask for
  Calibration calibration;             // of this model; empty: none
};

}  // namespace leankv
