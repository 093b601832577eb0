// One cache at one depth: filled once, copied for every measurement.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "app/bench/memory_plan.h"
#include "engine/engine.h"

namespace leankv {

// Sums over all steps since begin_decode.
struct ReviewTime {
  double seconds = 0;
  int reviews = 0;  // of one sequence each
};

// Owner of a cache and its sequences; borrows the engine, whose cache it stands in for while it computes. Everything
// throws kDoesNotFit when the pool, whose size is an estimate, turns out to be too small.
class Lane {
 public:
  // Memory is touched here, so that no measurement pays for the system's first look at it.
  Lane(Engine& engine, const BenchCase& what, const CasePlan& plan, const DepthNeed& need);

  const BenchCase& what() const { return what_; }
  const CasePlan& plan() const { return plan_; }

  // Computes a prompt of `depth` tokens, judged at its end; returns its seconds. Call this or fill_from, once.
  double fill(std::span<const int> tokens);
  void fill_from(std::span<const std::vector<double>> shares);  // synthetic.h

  // Seconds for new tokens of `batch` sequences at this depth, `tokens` in each, computed together.
  double prefill(int batch, std::span<const int> tokens);

  // `batch` copies that decode from here on, step by step.
  void begin_decode(int batch, std::span<const int> tokens);
  double decode(int steps);  // mean seconds of a step, without reviews
  void end_decode() { copies_.clear(); }
  const ReviewTime& reviews() const { return reviews_; }

  CacheUsage usage() const;    // of the filled sequence
  int64_t bytes_read() const;  // by the next step: keys and values of all copies, with their scales
  const KvCache& cache() const { return *cache_; }
  SlotId slot() const { return filled_->slot(); }

 private:
  class InPlace;
  Sequence another(int prompt_tokens);  // a copy of the filled sequence; at depth 0 a new one
  void step(std::span<Sequence> sequences, std::span<const int> tokens);

  Engine& engine_;
  BenchCase what_;
  CasePlan plan_;
  DepthNeed need_;
  std::unique_ptr<KvCache> cache_;
  std::optional<Sequence> filled_;
  std::vector<Sequence> copies_;
  std::span<const int> decode_tokens_;
  ReviewTime reviews_;
};

}  // namespace leankv
