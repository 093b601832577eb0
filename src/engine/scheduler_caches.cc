// The caches of answers that have ended: where a new one begins, what stays, what comes back from a file.
#include <algorithm>
#include <string>
#include <utility>

#include "engine/saved_sequence.h"
#include "engine/scheduler.h"

namespace leankv {

// One that holds the beginning of what is to be fed, else a new one. An answer that is computed again does not look for
// the former: what it has said came of a cache that is gone.
bool Scheduler::take_sequence(Choice& choice) {
  const Work& work = choice.work;
  const Request& request = work.request;
  if (request.reuse_cache && !request.prompt_logprobs && choice.ever_fed == 0) {
    choice.sequence = kept_.take(request.prompt, request.policy, request.keep_positions);
  }
  if (choice.sequence) {
    choice.sequence->most_pages = work.most_pages;
    choice.reused = choice.ever_fed = choice.fed();
    statistics_.reused_tokens += choice.reused;
    return true;
  }
  choice.sequence = kept_.making_room(
      [&] { return engine_.start(request.policy, work.prompt_tokens(), std::min(1, work.room), work.most_pages); });
  if (!choice.sequence) return false;
  if (request.keep_positions) engine_.cache().keep_positions(choice.sequence->slot());
  return true;
}

void Scheduler::keep(Choice& choice, FinishReason reason) {
  const bool whole = choice.sequence && choice.fed() >= choice.work.prompt_tokens();
  if (!whole || !choice.work.request.reuse_cache || reason == FinishReason::kMemory) return;
  kept_.keep(std::move(*choice.sequence));
}

int Scheduler::restore_kept(SlotId slot, std::span<const std::byte> bytes, std::string_view name) {
  if (!kept_.keeps_any()) throw Error(ErrorKind::kUnsupported, "no caches are kept (--no-cache-prompt)");
  const SavedSequence saved = read_sequence(engine_, bytes, name);
  kept_.erase(slot);
  if (!engine_.cache().is_free(slot)) {
    throw Error(ErrorKind::kBadRequest, "slot " + std::to_string(slot) + " is answering a request");
  }
  std::optional<Sequence> sequence = kept_.making_room([&] { return place_sequence(engine_, slot, saved); });
  if (!sequence) throw Error(ErrorKind::kDoesNotFit, std::string(name) + ": the pool has no room for its pages now");
  const int tokens = int(sequence->tokens.size());
  kept_.keep(std::move(*sequence));
  return tokens;
}

void Scheduler::remember(const Choice& choice, const CacheUsage& usage) {
  const SlotId slot = choice.sequence->slot();
  engine_.cache().fetch(slot);
  const SequenceState& state = engine_.cache().state(slot);
  FinishedCache cache{choice.work.request.label, choice.index, choice.work.prompt_tokens(), usage, {}};
  cache.state.policy = state.policy;
  cache.state.list_tier = state.list_tier;
  cache.state.tokens = state.tokens;
  cache.state.judgements = state.judgements;
  cache.state.positions = state.positions;
  for (const HeadTable& head : state.heads) cache.state.heads.push_back({{}, head.tokens});
  remembered_.push_back(std::move(cache));
  if (remembered_.size() > kRememberedCaches) remembered_.pop_front();
}

}  // namespace leankv
