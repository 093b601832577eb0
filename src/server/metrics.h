// What Prometheus asks for. Names end as vLLM's do, so that its dashboards work with another prefix.
#pragma once

#include <array>
#include <cstdint>
#include <map>
#include <mutex>
#include <string>
#include <vector>

#include "engine/engine.h"
#include "engine/request.h"
#include "engine/scheduler.h"

namespace leankv {

// Cumulative, as Prometheus wants it only when it is written.
class Histogram {
 public:
  explicit Histogram(std::vector<double> bounds) : bounds_(std::move(bounds)), counts_(bounds_.size() + 1) {}
  void observe(double value);
  void write(std::string& text, const std::string& name, const std::string& labels, const char* help) const;

 private:
  std::vector<double> bounds_;   // ascending
  std::vector<int64_t> counts_;  // [bounds + 1] between them
  double sum_ = 0;
};

// What runs now: taken on the engine's thread.
struct CacheSnapshot {
  CacheUsage usage;  // summed over all that runs; without head_bytes
  int page_bytes = 0;
  int heads = 0;
};
CacheSnapshot snapshot_of(const Engine& engine, const Scheduler& scheduler);

// Thread-safe.
class Metrics {
 public:
  explicit Metrics(const std::string& model_name);

  void first_token(double seconds);
  void token_gap(double seconds);
  void finished(const FinishEvent& finish, double seconds);

  // The text that Prometheus reads, version 0.0.4.
  std::string text(const SchedulerStatistics& statistics, const CacheSnapshot& now, int connections) const;

 private:
  mutable std::mutex mutex_;
  std::string labels_;
  Histogram first_token_, token_gap_, total_, queued_, prefill_, decode_, prompt_tokens_, generated_tokens_;
  std::array<int64_t, kFinishReasons> finished_{};
  CacheUsage used_;  // summed over all that has finished
};

}  // namespace leankv
