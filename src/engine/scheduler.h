// Continuous batching: which tokens of which requests go into the next step, and what becomes of its logits.
#pragma once

#include <deque>
#include <functional>
#include <map>
#include <string_view>
#include <vector>

#include "engine/admission.h"
#include "engine/choice.h"
#include "engine/engine.h"
#include "engine/finished_cache.h"
#include "engine/kept_caches.h"
#include "engine/pressure.h"
#include "engine/scheduler_statistics.h"
#include "engine/step_plan.h"

namespace leankv {

// A chunk and so a step that keep the wait for the first token short where many share the engine; kDefaultChunk is for
// one prompt alone.
inline constexpr int kServingChunk = 256;

struct SchedulerOptions {
  int max_waiting = 1024;                        // choices that may wait; Service turns more away
  int kept_caches = 0;                           // of ended answers, for requests that go on with them
  std::function<void(std::string_view)> on_log;  // one line; from the engine's thread
};

// Requests over one engine, used from its thread; nobody else may hold sequences of the engine. A request's first event
// comes from within submit() only when it is refused, all others from step() and cancel().
class Scheduler {
 public:
  Scheduler(Engine& engine, const SchedulerOptions& options);

  // `id` is the caller's, unique. What can never be served is refused at once: an ErrorEvent, no work.
  void submit(RequestId id, Request request, EventSink sink);
  // Every page of the request is free when this returns; what has not finished finishes as kCancelled.
  void cancel(RequestId id);
  void cancel_all();

  // One step: schedule, forward, settle, emit. False, and nothing done, when there is nothing to do.
  bool step();
  bool idle() const { return works_.empty(); }
  int requests() const { return int(works_.size()); }

  struct Running {
    RequestId id;
    int choice;
    std::string_view label;
    int prompt_tokens;
    const Sequence& sequence;
  };
  std::vector<Running> running() const;
  // The last kRememberedCaches requests that wanted it, oldest first.
  const std::deque<FinishedCache>& remembered() const { return remembered_; }
  const KeptCaches& kept() const { return kept_; }
  // Tokens of the kept cache in this slot, which is dropped; none where there is none.
  std::optional<int> erase_kept(SlotId slot) { return kept_.erase(slot); }
  // Puts what save_sequence wrote into this slot, in place of what is kept there; its tokens. Throws what read_sequence
  // throws, kBadRequest where the slot runs, kDoesNotFit where the pool has no room, kUnsupported where none is kept.
  int restore_kept(SlotId slot, std::span<const std::byte> bytes, std::string_view name);
  SchedulerStatistics statistics() const;

 private:
  // A token to be sampled, and what came of it.
  struct Draw {
    Choice* choice;
    int row;
    int token = kNoToken;
    std::vector<float> logits;  // of its row, where its alternatives are reported
    std::optional<TokenLogprobs> logprobs;
    std::optional<Error> error;
  };

  Work make_work(RequestId id, Request request, EventSink sink);
  void add_choices(Work& work);

  void admit();
  bool start(Choice& choice);
  bool take_sequence(Choice& choice);
  std::vector<Share> schedule();
  void fit_own_limits(std::vector<Share>& shares);
  void fit_pool(std::vector<Share>& shares);
  Logits forward(std::vector<Share>& shares);
  void settle(const std::vector<Share>& shares);
  void emit(const std::vector<Share>& shares, const Logits& logits);

  int wanted_logits(const Share& share) const;
  void note_prompt_logprobs(const Share& share, const Logits& logits, int first_row);
  void end_prompt(Choice& choice);
  std::vector<Choice*> fork(const Choice& first);
  void sample(std::vector<Draw>& draws, const Logits& logits);
  void report_alternatives(std::vector<Draw>& draws);
  void note_pages(Choice& choice);
  void take(Draw& draw);

  bool relieve();
  void wait(Choice& choice);
  void finish(Choice& choice, FinishReason reason);
  void fail(Work& work, const Error& error);
  void keep(Choice& choice, FinishReason reason);
  void remember(const Choice& choice, const CacheUsage& usage);
  void let_go(Choice& choice);
  void forget_finished();

  Engine& engine_;
  Admission admission_;
  Pressure pressure_;
  KeptCaches kept_;
  std::map<RequestId, Work> works_;
  std::vector<Choice*> waiting_;  // first come first
  std::vector<Choice*> running_;  // those with a sequence
  std::deque<FinishedCache> remembered_;
  int64_t submitted_ = 0;
  SchedulerStatistics statistics_;
};

}  // namespace leankv
