// What becomes of a request before its first step.
#include <algorithm>
#include <string>
#include <utility>

#include "engine/scheduler.h"

namespace leankv {
namespace {

void require(bool good, const std::string& what) {
  if (!good) throw Error(ErrorKind::kBadRequest, what);
}

// Every limit that the request itself can break; those of sampling and stop strings are checked by Answer.
void check(const Engine& engine, const Request& request) {
  require(request.n >= 1 && request.n <= kMostChoices,
          "n " + std::to_string(request.n) + ": must be from 1 to " + std::to_string(kMostChoices));
  require(request.logprobs >= -1 && request.logprobs <= kMostLogprobs,
          "logprobs " + std::to_string(request.logprobs) + ": must be from 0 to " + std::to_string(kMostLogprobs));
  for (const int token : request.prompt) {
    require(token >= 0 && token < engine.tokenizer().size(),
            "prompt: " + std::to_string(token) + " is no token of the model");
  }
  validate(request.policy);
  for (const TierId id : request.policy.tiers) {
    if (engine.cache().holds(id)) continue;
    throw Error(ErrorKind::kUnsupported, "kv: the cache's pages were not made for tier " + std::string(tier(id).name) +
                                             ": start the program with this setting");
  }
}

}  // namespace

void Scheduler::submit(RequestId id, Request request, EventSink sink) {
  ++statistics_.requests;
  try {
    Work& work = works_.emplace(id, make_work(id, std::move(request), sink)).first->second;
    try {
      add_choices(work);
    } catch (const Error&) {
      works_.erase(id);
      throw;
    }
  } catch (const Error& error) {
    ++statistics_.refused;
    sink(ErrorEvent{error.kind(), error.what()});
  }
}

Work Scheduler::make_work(RequestId id, Request request, EventSink sink) {
  check(engine_, request);
  Work work;
  work.id = id;
  work.order = submitted_++;
  work.room = answer_room(int64_t(request.prompt.size()), engine_.context(), request.max_tokens);
  // Of an answer without a limit only its beginning must fit.
  const int must_fit = request.max_tokens < 0 ? 1 : work.room;
  engine_.check_fits(request.policy, int(request.prompt.size()), must_fit);
  work.most_pages = admission_.most_pages(request, work.room);
  work.estimate = &admission_.estimate_of(request.policy);
  work.request = std::move(request);
  work.sink = std::move(sink);
  return work;
}

// The first choice feeds the prompt, the others wait for it and copy its cache.
void Scheduler::add_choices(Work& work) {
  const Request& r = work.request;
  for (int i = 0; i < r.n; ++i) {
    AnswerOptions options{r.max_tokens, r.stop, r.ignore_eos, r.sampling};
    options.sampling.seed += uint64_t(i);
    Answer answer(engine_.tokenizer(), options, work.room, r.mask ? r.mask->clone() : nullptr);
    work.choices.emplace_back(work, i, std::move(answer)).known = r.prompt;
  }
  work.unfinished = r.n;
  for (Choice& choice : work.choices) {
    if (choice.index > 0) work.followers.push_back(&choice);
  }
  wait(work.choices.front());
}

}  // namespace leankv
