// A request while the scheduler has it: one Work, one Choice for each of its answers.
#pragma once

#include <deque>
#include <optional>
#include <string>
#include <tuple>
#include <vector>

#include "engine/answer.h"
#include "engine/request.h"
#include "engine/sequence.h"
#include "engine/stopwatch.h"

namespace leankv {

class SizeEstimate;
struct Work;

// One answer. It holds pages while it runs; what it has said survives their loss.
struct Choice {
  Choice(Work& of, int number, Answer a) : work(of), index(number), answer(std::move(a)) {}

  Work& work;
  int index;
  Answer answer;
  std::vector<int> known;            // the prompt and what was sampled: to be fed
  std::optional<Sequence> sequence;  // while it runs
  bool finished = false;
  int passed_over = 0;      // steps that fed other prompts but not this one
  int reused = 0;           // tokens that its first cache held already
  int ever_fed = 0;         // tokens: those up to here are fed again when it starts anew
  uint32_t most_pages = 0;  // that it held after its prompt
  int recomputed = 0;
  double queued_ms = 0, prompt_ms = 0;
  std::optional<Stopwatch> since;  // its first chunk; then the end of its prompt

  int fed() const { return sequence ? int(sequence->tokens.size()) : 0; }
  int left() const { return int(known.size()) - fed(); }
};

struct Work {
  RequestId id = 0;
  int64_t order = 0;  // of submission
  Request request;
  EventSink sink;
  SizeEstimate* estimate = nullptr;
  uint32_t most_pages = 0;  // see Sequence
  int room = 0;             // tokens that each answer may have
  std::deque<Choice> choices;
  std::vector<Choice*> followers;  // choices that wait for the first one's prompt, to copy its cache
  std::vector<TokenLogprobs> prompt_logprobs;
  bool prompt_reported = false;
  int unfinished = 0;
  Stopwatch submitted;

  int prompt_tokens() const { return int(request.prompt.size()); }
};

// Who comes first: priority, then submission. The last one is the youngest.
inline bool comes_before(const Choice& a, const Choice& b) {
  const auto rank = [](const Choice& c) { return std::tuple(-c.work.request.priority, c.work.order, c.index); };
  return rank(a) < rank(b);
}

}  // namespace leankv
