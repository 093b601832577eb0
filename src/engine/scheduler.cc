#include "engine/scheduler.h"

#include <algorithm>
#include <utility>

namespace leankv {
namespace {

bool runs(const Share& share) { return share.choice->sequence.has_value(); }

void drop_those_that_wait(std::vector<Share>& shares) {
  std::erase_if(shares, [](const Share& share) { return !runs(share); });
}

}  // namespace

Scheduler::Scheduler(Engine& engine, const SchedulerOptions& options)
    : engine_(engine), admission_(engine), pressure_(options.on_log), kept_(engine, options.kept_caches) {}

bool Scheduler::step() {
  Stopwatch watch;
  StepTimes times;
  admit();
  std::vector<Share> shares = schedule();
  forget_finished();
  if (shares.empty()) return false;
  times.schedule_ms = watch.lap_ms();
  const Logits logits = forward(shares);
  times.forward_ms = watch.lap_ms();
  settle(shares);
  times.settle_ms = watch.lap_ms();
  emit(shares, logits);
  forget_finished();
  times.sample_ms = watch.lap_ms();
  statistics_.last_step = times;
  statistics_.times += times;
  ++statistics_.steps;
  return true;
}

// First come, first served: nobody passes the one at the head, so a large request waits but never starves.
void Scheduler::admit() {
  while (!waiting_.empty() && start(*waiting_.front())) waiting_.erase(waiting_.begin());
}

bool Scheduler::start(Choice& choice) {
  Work& work = choice.work;
  int64_t pages = admission_.promise(choice);
  for (const Choice* other : running_) pages += admission_.promise(*other);
  if (!running_.empty() && pages > admission_.capacity_pages()) return false;
  if (!take_sequence(choice)) return false;
  if (!choice.since) {
    choice.queued_ms = work.submitted.ms();
    choice.since.emplace();
  }
  running_.push_back(&choice);
  return true;
}

std::vector<Share> Scheduler::schedule() {
  std::vector<Share> shares = plan_step(engine_, running_);
  fit_own_limits(shares);
  fit_pool(shares);
  return shares;
}

// After this every sequence has room within its own limit for its share; one that never will ends here.
void Scheduler::fit_own_limits(std::vector<Share>& shares) {
  for (const Share& share : shares) {
    Choice& choice = *share.choice;
    while (!engine_.cache().can_judge() && relieve()) {
    }
    if (!choice.sequence) continue;
    const int prompt_left = choice.work.prompt_tokens() - choice.fed() - share.tokens;
    const int after = std::clamp(prompt_left, 1, engine_.options().chunk);
    if (!engine_.make_room(*choice.sequence, share.tokens, after)) finish(choice, FinishReason::kMemory);
  }
  drop_those_that_wait(shares);
}

// After this the pool has the pages of all shares. One sequence alone always fits: its limit is no more than the pool.
void Scheduler::fit_pool(std::vector<Share>& shares) {
  const KvCache& cache = engine_.cache();
  const auto fits = [&] {
    int64_t pages = cache.reserve_pages();
    for (const Share& share : shares) pages += cache.pages_to_extend(share.choice->sequence->slot(), share.tokens);
    return pages <= int64_t(cache.ring().free());
  };
  while (!fits()) {
    LEANKV_CHECK(relieve());
    drop_those_that_wait(shares);
  }
}

Logits Scheduler::forward(std::vector<Share>& shares) {
  std::vector<StepInput> inputs;
  for (Share& share : shares) {
    Choice& choice = *share.choice;
    share.logits = wanted_logits(share);
    const auto tokens =
        std::span<const int>(choice.known).subspan(std::size_t(choice.fed()), std::size_t(share.tokens));
    inputs.push_back({&*choice.sequence, tokens, share.logits});
    const int until = std::max(choice.ever_fed, choice.fed() + share.tokens), prompt = choice.work.prompt_tokens();
    statistics_.prompt_tokens += std::min(until, prompt) - std::min(choice.ever_fed, prompt);
    statistics_.step_rows += share.tokens;
    choice.ever_fed = until;
  }
  const std::optional<Logits> logits = engine_.step(inputs);
  LEANKV_CHECK(logits.has_value());
  return *logits;
}

// REQUIRES that the share has not been fed.
int Scheduler::wanted_logits(const Share& share) const {
  const Work& work = share.choice->work;
  if (work.request.prompt_logprobs && !work.prompt_reported && share.choice->fed() < work.prompt_tokens()) {
    return share.tokens;
  }
  return share.choice->left() == share.tokens ? 1 : 0;
}

// One sequence after another, each with the reserve whole (KvCache::reserve_pages). Nobody asks what came of it yet: a
// device may still be at it.
void Scheduler::settle(const std::vector<Share>& shares) {
  for (const Share& share : shares) {
    std::optional<Sequence>& sequence = share.choice->sequence;
    while (sequence && engine_.settle_due(*sequence) && !engine_.cache().can_judge()) LEANKV_CHECK(relieve());
    if (sequence) engine_.settle(*sequence);
  }
}

bool Scheduler::relieve() {
  if (kept_.drop_oldest()) return true;
  Choice* youngest = pressure_.relieve(running_);
  if (youngest == nullptr) return false;
  std::erase(running_, youngest);
  wait(*youngest);
  return true;
}

void Scheduler::wait(Choice& choice) {
  const auto before = [](const Choice* a, const Choice* b) { return comes_before(*a, *b); };
  choice.passed_over = 0;
  waiting_.insert(std::ranges::upper_bound(waiting_, &choice, before), &choice);
}

void Scheduler::cancel(RequestId id) {
  const auto found = works_.find(id);
  if (found == works_.end()) return;
  for (Choice& choice : found->second.choices) {
    if (!choice.finished) finish(choice, FinishReason::kCancelled);
  }
  forget_finished();
}

void Scheduler::cancel_all() {
  while (!works_.empty()) cancel(works_.begin()->first);
}

void Scheduler::finish(Choice& choice, FinishReason reason) {
  Work& work = choice.work;
  if (reason != FinishReason::kCancelled) admission_.learn(choice);
  ++statistics_.finished[std::size_t(reason)];
  FinishEvent event{.choice = choice.index,
                    .reason = reason,
                    .text = choice.answer.rest(),
                    .prompt_tokens = work.prompt_tokens(),
                    .completion_tokens = choice.answer.tokens(),
                    .reused_tokens = choice.reused,
                    .queued_ms = choice.since ? choice.queued_ms : work.submitted.ms(),
                    .timings = {},
                    .recomputed = choice.recomputed,
                    .cache = {}};
  const bool answering = choice.ever_fed >= work.prompt_tokens();
  const double ms = choice.since ? choice.since->ms() : 0;
  event.timings = {std::min(choice.ever_fed, work.prompt_tokens()) - choice.reused, answering ? choice.prompt_ms : ms,
                   choice.answer.tokens(), answering ? ms : 0};
  if (choice.sequence) event.cache = engine_.usage(*choice.sequence);
  if (choice.sequence && work.request.keep_positions) remember(choice, event.cache);
  keep(choice, reason);
  let_go(choice);
  work.sink(std::move(event));
}

void Scheduler::fail(Work& work, const Error& error) {
  for (Choice& choice : work.choices) {
    if (choice.finished) continue;
    ++statistics_.failed;
    let_go(choice);
  }
  work.sink(ErrorEvent{error.kind(), error.what()});
}

void Scheduler::let_go(Choice& choice) {
  choice.sequence.reset();
  choice.finished = true;
  --choice.work.unfinished;
  if (choice.index == 0) {  // nobody is left to feed the prompt for the others
    for (Choice* follower : std::exchange(choice.work.followers, {})) wait(*follower);
  }
  std::erase(running_, &choice);
  std::erase(waiting_, &choice);
  std::erase(choice.work.followers, &choice);
}

// Apart from finish(), so that a step may hold on to its choices until its end.
void Scheduler::forget_finished() {
  std::erase_if(works_, [](const auto& entry) { return entry.second.unfinished == 0; });
}

std::vector<Scheduler::Running> Scheduler::running() const {
  std::vector<Running> all;
  for (const Choice* choice : running_) {
    const Work& work = choice->work;
    all.push_back({work.id, choice->index, work.request.label, work.prompt_tokens(), *choice->sequence});
  }
  return all;
}

SchedulerStatistics Scheduler::statistics() const {
  SchedulerStatistics now = statistics_;
  const KvCache& cache = engine_.cache();
  now.recomputed_sequences = pressure_.counts().sequences;
  now.recomputed_tokens = pressure_.counts().tokens;
  now.running = int(running_.size());
  now.waiting = int(waiting_.size());
  now.pages = cache.ring().capacity();
  now.pages_kept = kept_.pages();
  now.pages_used = cache.used_pages() - now.pages_kept;
  now.page_bytes = cache.page_bytes();
  now.pages_high_water = cache.high_water_bytes() / cache.page_bytes();
  for (const Choice* choice : running_) now.pages_promised += admission_.promise(*choice);
  return now;
}

}  // namespace leankv
