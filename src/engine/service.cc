#include "engine/service.h"

#include <utility>

namespace leankv {

Service::Service(EngineOptions options, SchedulerOptions scheduling)
    : scheduling_(std::move(scheduling)), thread_([this, options = std::move(options)] { run(options); }) {}

Service::~Service() {
  drain(std::chrono::milliseconds(0));
  thread_.join();
}

ServiceState Service::wait_until_loaded() const {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return state_ != ServiceState::kLoading; });
  return state_;
}

std::optional<RequestId> Service::submit(Request request, EventSink sink) {
  const std::lock_guard lock(mutex_);
  const std::size_t waiting = std::size_t(statistics_.waiting) + mail_.submissions.size();
  if (state_ != ServiceState::kReady || waiting >= std::size_t(scheduling_.max_waiting)) return std::nullopt;
  mail_.submissions.push_back({next_id_, std::move(request), std::move(sink)});
  changed_.notify_all();
  return next_id_++;
}

void Service::cancel(RequestId id) {
  const std::lock_guard lock(mutex_);
  mail_.cancellations.push_back(id);
  changed_.notify_all();
}

SchedulerStatistics Service::statistics() const {
  const std::lock_guard lock(mutex_);
  return statistics_;
}

void Service::inspect(Inspection fn) {
  const std::lock_guard lock(mutex_);
  if (ended()) return;
  mail_.inspections.push_back(std::move(fn));
  changed_.notify_all();
}

int Service::drain(std::chrono::milliseconds limit) {
  std::unique_lock lock(mutex_);
  draining_ = true;
  if (state_ == ServiceState::kReady) state_ = ServiceState::kDraining;
  changed_.notify_all();
  const auto has_ended = [&] { return ended(); };
  if (changed_.wait_for(lock, limit, has_ended)) return cancelled_at_end_;
  cancel_all_ = true;
  changed_.notify_all();
  changed_.wait(lock, has_ended);
  return cancelled_at_end_;
}

void Service::run(const EngineOptions& options) {
  if (!load(options)) return;
  Scheduler scheduler(*engine_, scheduling_);
  set_state(ServiceState::kReady);
  while (work(scheduler)) {
  }
  set_state(ServiceState::kStopped);
}

bool Service::load(const EngineOptions& options) {
  try {
    engine_ = std::make_unique<Engine>(options, [this](double done) { load_progress_ = done; });
    load_progress_ = 1;
    return true;
  } catch (const Error& error) {
    failure_ = error;
    set_state(ServiceState::kFailed);
    return false;
  }
}

// Mail, then a step. False when the service has ended.
bool Service::work(Scheduler& scheduler) {
  Mail mail = wait_for_mail(scheduler);
  for (Submission& s : mail.submissions) scheduler.submit(s.id, std::move(s.request), std::move(s.sink));
  for (const RequestId id : mail.cancellations) scheduler.cancel(id);
  for (const Inspection& inspection : mail.inspections) inspection(*engine_, scheduler);
  if (mail.cancel_all) {
    const std::lock_guard lock(mutex_);
    cancelled_at_end_ = scheduler.requests();
  }
  if (mail.cancel_all) scheduler.cancel_all();
  scheduler.step();
  const std::lock_guard lock(mutex_);
  statistics_ = scheduler.statistics();
  return !(draining_ && scheduler.idle() && mail_.submissions.empty());
}

// Blocks while there is nothing to do.
Service::Mail Service::wait_for_mail(const Scheduler& scheduler) {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [&] { return !scheduler.idle() || draining_ || !mail_.empty(); });
  mail_.cancel_all = cancel_all_;
  return std::exchange(mail_, {});
}

// A drain that was asked for while the model was loading begins when it is ready.
void Service::set_state(ServiceState state) {
  const std::lock_guard lock(mutex_);
  state_ = state == ServiceState::kReady && draining_ ? ServiceState::kDraining : state;
  if (ended()) mail_ = {};
  changed_.notify_all();
}

}  // namespace leankv
