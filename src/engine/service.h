// The engine on a thread of its own: requests come from any thread, events go back from the engine's.
#pragma once

#include <atomic>
#include <chrono>
#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "engine/request.h"
#include "engine/scheduler.h"

namespace leankv {

enum class ServiceState {
  kLoading,
  kReady,
  kDraining,  // finishes what it has, takes nothing new
  kStopped,
  kFailed,  // the model could not be loaded
};

// Every call may come from any thread, but not from within an event.
class Service {
 public:
  // Returns at once; the model loads on the engine's thread.
  Service(EngineOptions options, SchedulerOptions scheduling);
  ~Service();  // cancels what is left
  Service(const Service&) = delete;
  Service& operator=(const Service&) = delete;

  ServiceState state() const { return state_; }
  double load_progress() const { return load_progress_; }  // [0, 1]
  ServiceState wait_until_loaded() const;                  // kReady, or kFailed
  // Why it failed. REQUIRES kFailed.
  const Error& failure() const { return *failure_; }
  // For what never changes: options, file, config, tokenizer, context, the cache's shape and layouts. REQUIRES that the
  // state has been kReady.
  const Engine& engine() const { return *engine_; }

  // None when it takes no requests: state() says why, kReady means that max_waiting are waiting. A request that is
  // refused for what it asks hears an ErrorEvent.
  std::optional<RequestId> submit(Request request, EventSink sink);
  // The choices that have not finished finish as kCancelled before the next step; an unknown id is nothing.
  void cancel(RequestId id);

  SchedulerStatistics statistics() const;  // as of the last step
  // Calls fn on the engine's thread between two steps, with everything that runs; where the service has ended or ends
  // first, fn is dropped. It must not block.
  using Inspection = std::function<void(const Engine&, Scheduler&)>;
  void inspect(Inspection fn);

  // Takes nothing new, waits until all has finished, at most so long, and cancels the rest; returns the number of
  // requests that were cancelled. The state is kStopped or kFailed then; loading is waited for.
  int drain(std::chrono::milliseconds limit);

 private:
  struct Submission {
    RequestId id;
    Request request;
    EventSink sink;
  };
  struct Mail {
    std::vector<Submission> submissions;
    std::vector<RequestId> cancellations;
    std::vector<Inspection> inspections;
    bool cancel_all = false;
    bool empty() const { return submissions.empty() && cancellations.empty() && inspections.empty(); }
  };

  void run(const EngineOptions& options);
  bool load(const EngineOptions& options);
  bool work(Scheduler& scheduler);
  Mail wait_for_mail(const Scheduler& scheduler);
  void set_state(ServiceState state);
  bool ended() const { return state_ == ServiceState::kStopped || state_ == ServiceState::kFailed; }

  SchedulerOptions scheduling_;
  std::unique_ptr<Engine> engine_;
  std::optional<Error> failure_;
  std::atomic<ServiceState> state_{ServiceState::kLoading};
  std::atomic<double> load_progress_{0};

  mutable std::mutex mutex_;  // of all below
  mutable std::condition_variable changed_;
  Mail mail_;
  SchedulerStatistics statistics_;
  RequestId next_id_ = 1;
  bool draining_ = false;
  bool cancel_all_ = false;
  int cancelled_at_end_ = 0;

  std::thread thread_;  // last: it uses all of the above
};

}  // namespace leankv
