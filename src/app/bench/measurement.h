// The points of a bench run, measured in turn.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "app/bench/lane.h"
#include "app/bench/options.h"
#include "app/bench/point.h"
#include "app/bench/tier_mix.h"

namespace leankv {

// A recorded mix, in the order of the policy's tiers; nothing for policies that do not judge. Throws kUnsupported where
// none is recorded.
std::vector<std::vector<double>> recorded_shares(const BenchCase& what);

struct BenchPlan {
  std::vector<BenchCase> cases;
  std::vector<int> depths, batches;  // ascending
  int repeat = 5, prompt_repeat = 1;
  int steps = 0;  // of a repetition of decode
  int chunk = 512;
  bool phases = false;
  BenchFill fill = BenchFill::kAuto;
  bool random_weights = false;

  // Tokens that measuring adds to the sequence of a point.
  int added() const;
  int context() const { return depths.back() + added() + 1; }
};

// The plan of these options; steps are chosen where they are 0: so many that all repetitions together hold a review of
// the cases that have one, and whole sampling intervals.
BenchPlan make_bench_plan(const BenchOptions& options, int chunk, int head_dim);

using BenchProgress = std::function<void(double done)>;

class Measurement {
 public:
  // text: at least plan.context() tokens. All must outlive it.
  Measurement(Engine& engine, const BenchPlan& plan, std::span<const int> text, BenchProgress progress);

  std::vector<PointResult> run();
  // Of the deepest caches that were filled with a real prompt and judged.
  const std::vector<TierMix>& mixes() const { return mixes_; }

 private:
  using Lanes = std::vector<std::unique_ptr<Lane>>;  // [cases], null where none fits
  void measure_depth(int depth);
  bool is_real(int depth) const;
  Lanes make_lanes(std::span<const CasePlan> plans, const DepthNeed& need);
  void fill(const Lanes& lanes, int depth);
  void note_mix(const Lane& lane);
  void measure_batch(const Lanes& lanes, int depth, int batch);
  void measure_prefill(std::span<Lane* const> lanes, std::span<PointResult> points);
  void measure_decode(std::span<Lane* const> lanes, std::span<PointResult> points);
  void finish_decode(const Lane& lane, std::span<const LaneTime> times, PointResult& point) const;

  Engine& engine_;
  std::optional<int64_t> device_bytes_;
  const BenchPlan& plan_;
  std::span<const int> text_;
  BenchProgress progress_;
  std::vector<PointResult> points_;
  std::vector<TierMix> mixes_;
  std::vector<std::vector<LaneTime>> prompts_;  // [cases][runs] of this depth
  std::unique_ptr<PhaseTimer> timer_;           // with --phases
};

}  // namespace leankv
