// What kernels know of one sequence's part of a step.
#pragma once

#include <cstdint>

#include "kv/seen_windows.h"

namespace leankv {

enum class Observing { kNot, kGather, kUpdate };  // into the sums of a prompt; into stored significance

// Sums of a prompt that is being gathered (backend/sequence_state.h), for all heads of a sequence.
struct GatherSums {
  float* seen;                          // [kWindows, heads, capacity] by token number
  double *value_sum, *output_sum;       // [heads, head_dim]
  double *value_energy, *query_energy;  // [heads]
  double* residual_energy;              // [layers]
  int capacity;
};

struct StepEntry {
  int slot, first_row, rows, position;
  uint32_t pages_per_head;  // that this step takes
  uint32_t first_page;      // of them, from the step's first on
  Observing observing;
  QueryWindows windows;  // gathering: what the queries count as
  int sample_interval;   // updating: queries at its multiples observe
  GatherSums sums;
};

}  // namespace leankv
