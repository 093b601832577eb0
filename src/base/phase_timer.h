// Where a step's time goes: seconds by phase, added up by those who compute. Off, it is a null pointer and one branch.
#pragma once

#include <array>
#include <chrono>
#include <cstdint>
#include <vector>

namespace leankv {

enum class Phase { kLinear, kAppend, kAttention, kObservation, kCount };

// Owned by whoever measures. Each thread of a pool adds to a place of its own; read while no loop runs.
class PhaseTimer {
 public:
  explicit PhaseTimer(int threads) : places_(std::size_t(threads)) {}

  void add(Phase phase, int thread, std::chrono::nanoseconds time) {
    places_[std::size_t(thread)].ns[std::size_t(phase)] += time.count();
  }
  double seconds(Phase phase) const {  // of all threads together
    int64_t ns = 0;
    for (const Place& place : places_) ns += place.ns[std::size_t(phase)];
    return double(ns) * 1e-9;
  }
  int threads() const { return int(places_.size()); }
  void reset() { places_.assign(places_.size(), {}); }

 private:
  struct alignas(64) Place {  // a cache line, so that threads do not disturb each other
    std::array<int64_t, std::size_t(Phase::kCount)> ns{};
  };
  std::vector<Place> places_;
};

// Adds the time of its life to a phase; does nothing without a timer.
class TimedPhase {
 public:
  TimedPhase(PhaseTimer* timer, Phase phase, int thread = 0) : timer_(timer), phase_(phase), thread_(thread) {
    if (timer_ != nullptr) begin_ = Clock::now();
  }
  TimedPhase(const TimedPhase&) = delete;
  TimedPhase& operator=(const TimedPhase&) = delete;
  ~TimedPhase() {
    if (timer_ != nullptr) timer_->add(phase_, thread_, Clock::now() - begin_);
  }

 private:
  using Clock = std::chrono::steady_clock;
  PhaseTimer* timer_;
  Phase phase_;
  int thread_;
  Clock::time_point begin_;
};

}  // namespace leankv
