// One cache at one depth: filled once, copied for every measurement.
#pragma once

#include <array>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "app/bench/memory_plan.h"
#include "app/bench/point.h"
#include "base/phase_timer.h"
#include "engine/engine.h"

namespace leankv {

// Sums over a measurement.
struct LaneTime {
  double step_seconds = 0;
  double settle_seconds = 0;                                       // judgements and reviews
  int reviews = 0;                                                 // of one sequence each
  std::array<double, std::size_t(Phase::kCount)> phase_seconds{};  // wall time; zeros without a timer

  double seconds() const { return step_seconds + settle_seconds; }
  PhaseShares shares() const;  // REQUIRES seconds() > 0
  LaneTime& operator+=(const LaneTime& other);
};

// What a step of decode reads of a sequence: codes and scales of every token.
int64_t bytes_read_of(const CacheUsage& usage, int head_dim);

// Owner of a cache and its sequences; borrows the engine, whose cache it stands in for while it computes. Everything
// throws kDoesNotFit when the pool, whose size is an estimate, turns out to be too small.
class Lane {
 public:
  // Memory is touched here, so that no measurement pays for the system's first look at it. timer: what the engine's
  // backend is timed with, or nullptr.
  Lane(Engine& engine, const BenchCase& what, const CasePlan& plan, const DepthNeed& need, PhaseTimer* timer);

  const BenchCase& what() const { return what_; }
  const CasePlan& plan() const { return plan_; }

  // Computes a prompt of `depth` tokens, judged at its end, and drops the one before. Call this, or fill_from once.
  LaneTime fill(std::span<const int> tokens);
  void fill_from(std::span<const std::vector<double>> shares);  // synthetic.h

  // New tokens of `batch` sequences at this depth, `tokens` in each, computed together.
  LaneTime prefill(int batch, std::span<const int> tokens);

  // `batch` copies that decode from here on, step by step.
  void begin_decode(int batch, std::span<const int> tokens);
  LaneTime decode(int steps);
  void end_decode() { copies_.clear(); }

  CacheUsage usage() const;    // of the filled sequence
  int64_t bytes_read() const;  // by the next step: keys and values of all copies, with their scales
  const KvCache& cache() const { return *cache_; }
  SlotId slot() const { return filled_->slot(); }

 private:
  class InPlace;
  Sequence another(int prompt_tokens);  // a copy of the filled sequence; at depth 0 a new one
  void step(std::span<Sequence> sequences, std::span<const int> tokens, int wanted_logits, LaneTime& time);
  void feed(std::span<Sequence> sequences, std::span<const int> tokens, LaneTime& time);
  void begin_timing() const;
  void end_timing(LaneTime& time) const;

  Engine& engine_;
  BenchCase what_;
  CasePlan plan_;
  DepthNeed need_;
  std::unique_ptr<KvCache> cache_;
  std::optional<Sequence> filled_;
  std::vector<Sequence> copies_;
  std::span<const int> decode_tokens_;
  PhaseTimer* timer_;
};

}  // namespace leankv
