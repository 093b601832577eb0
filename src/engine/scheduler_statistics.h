// What a scheduler has done and holds, for metrics.
#pragma once

#include <array>
#include <cstdint>

#include "engine/outcome.h"

namespace leankv {

// Where the time of the steps went, in the order in which a step does it.
struct StepTimes {
  double schedule_ms = 0;
  double forward_ms = 0;
  double settle_ms = 0;  // judgements and reviews
  double sample_ms = 0;  // and emission

  double total_ms() const { return schedule_ms + forward_ms + settle_ms + sample_ms; }
  StepTimes& operator+=(const StepTimes& other) {
    schedule_ms += other.schedule_ms, forward_ms += other.forward_ms;
    settle_ms += other.settle_ms, sample_ms += other.sample_ms;
    return *this;
  }
};

struct SchedulerStatistics {
  // Since the start.
  int64_t requests = 0;                            // submitted
  int64_t refused = 0;                             // with an error, before any work
  std::array<int64_t, kFinishReasons> finished{};  // choices, by FinishReason
  int64_t failed = 0;                              // choices that ended with an error
  int64_t prompt_tokens = 0;                       // fed, those that are fed again left out
  int64_t reused_tokens = 0;                       // of prompts, that kept caches held
  int64_t generated_tokens = 0;
  int64_t recomputed_sequences = 0;  // that gave their pages back because the pool ran short
  int64_t recomputed_tokens = 0;     // fed again
  int64_t steps = 0;
  int64_t step_rows = 0;  // tokens in all steps
  StepTimes times;

  // Now.
  StepTimes last_step;
  int waiting = 0;  // choices that hold no pages
  int running = 0;
  int64_t pages = 0;       // of the pool
  int64_t pages_used = 0;  // by what runs
  int64_t pages_kept = 0;  // by kept caches: as good as free
  int64_t pages_high_water = 0;
  int64_t pages_promised = 0;  // to what runs
  int64_t page_bytes = 0;
};

}  // namespace leankv
