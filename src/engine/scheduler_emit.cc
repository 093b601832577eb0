// From the logits of a step to tokens, and from them to events.
#include <algorithm>
#include <utility>

#include "engine/logprobs.h"
#include "engine/scheduler.h"

namespace leankv {
namespace {

// A choice's error must not reach the others: it is kept until the choice's turn.
template <class Fn>
std::optional<Error> error_of(Fn&& fn) {
  try {
    fn();
  } catch (const Error& error) {
    return error;
  }
  return std::nullopt;
}

}  // namespace

void Scheduler::emit(const std::vector<Share>& shares, const Logits& logits) {
  std::vector<Draw> draws;
  int row = 0;
  for (const Share& share : shares) {
    Choice& choice = *share.choice;
    row += share.logits;
    if (!choice.sequence) continue;  // it gave way to the judgement of another
    note_prompt_logprobs(share, logits, row - share.logits);
    if (choice.left() > 0) continue;
    draws.push_back({.choice = &choice, .row = row - 1, .logits = {}, .logprobs = {}, .error = {}});
    if (choice.answer.tokens() > 0) continue;
    end_prompt(choice);
    for (Choice* follower : fork(choice)) {
      draws.push_back({.choice = follower, .row = row - 1, .logits = {}, .logprobs = {}, .error = {}});
    }
  }
  sample(draws, logits);
  for (Draw& draw : draws) take(draw);
}

// Row r of a chunk that begins with token f says how probable token f + r + 1 was.
void Scheduler::note_prompt_logprobs(const Share& share, const Logits& logits, int first_row) {
  Work& work = share.choice->work;
  if (!work.request.prompt_logprobs || work.prompt_reported) return;
  const int first = share.choice->fed() - share.tokens;
  const std::size_t known = std::size_t(engine_.tokenizer().size());
  const ConstMatrix rows = logits.on_host(first_row, share.logits);
  for (int token = int(work.prompt_logprobs.size()) + 1; token < work.prompt_tokens(); ++token) {
    const int r = token - 1 - first;
    if (r >= share.logits) break;
    work.prompt_logprobs.push_back(logprobs_of(rows.row_span(r).first(known), work.request.prompt[std::size_t(token)],
                                               std::max(0, work.request.logprobs)));
  }
}

void Scheduler::end_prompt(Choice& choice) {
  Work& work = choice.work;
  choice.prompt_ms = choice.since->lap_ms();
  if (std::exchange(work.prompt_reported, true)) return;
  work.sink(PromptEvent{std::move(work.prompt_logprobs)});
}

// The other choices of a request whose first one has just fed the prompt: those that could copy its cache. The rest
// waits and feeds the prompt anew.
std::vector<Choice*> Scheduler::fork(const Choice& first) {
  std::vector<Choice*> started;
  for (Choice* follower : std::exchange(first.work.followers, {})) {
    follower->sequence = kept_.making_room([&] { return engine_.copy(*first.sequence); });
    if (!follower->sequence) {
      wait(*follower);
      continue;
    }
    follower->since = first.since;
    follower->queued_ms = first.queued_ms;
    follower->prompt_ms = first.prompt_ms;
    follower->ever_fed = first.ever_fed;
    follower->reused = first.reused;
    follower->most_pages = first.most_pages;
    running_.push_back(follower);
    started.push_back(follower);
  }
  return started;
}

void Scheduler::sample(std::vector<Draw>& draws, const Logits& logits) {
  std::erase_if(draws, [&](const Draw& draw) {
    const std::optional<FinishReason> ended = draw.choice->answer.finish();  // no tokens were wanted
    if (ended) note_pages(*draw.choice), finish(*draw.choice, *ended);
    return ended.has_value();
  });
  std::vector<TokenDraw> planned;
  std::vector<Draw*> of;
  for (Draw& draw : draws) {
    draw.error = error_of([&] { planned.push_back(draw.choice->answer.plan(draw.choice->known)); });
    if (draw.error) continue;
    planned.back().row = draw.row;
    of.push_back(&draw);
  }
  std::vector<int> tokens(planned.size());
  logits.draw(planned, tokens);
  for (Draw& draw : draws) note_pages(*draw.choice);
  for (std::size_t i = 0; i < of.size(); ++i) {
    of[i]->token = tokens[i];
    if (of[i]->choice->work.request.logprobs < 0) continue;
    const std::span<const float> row = logits.on_host(of[i]->row, 1).row_span(0);
    of[i]->logits.assign(row.begin(), row.begin() + engine_.tokenizer().size());
  }
  report_alternatives(draws);
}

// Of a sequence that has fed its prompt, when what was queued for it is done.
void Scheduler::note_pages(Choice& choice) {
  choice.most_pages = std::max(choice.most_pages, engine_.cache().pages_of(choice.sequence->slot()));
}

void Scheduler::report_alternatives(std::vector<Draw>& draws) {
  engine_.threads().run(int(draws.size()), [&](int i, int) {
    Draw& draw = draws[std::size_t(i)];
    if (draw.logits.empty() || draw.token == kNoToken) return;
    draw.logprobs = logprobs_of(draw.logits, draw.token, draw.choice->work.request.logprobs);
  });
}

void Scheduler::take(Draw& draw) {
  Choice& choice = *draw.choice;
  if (choice.finished) return;  // with an error of another choice
  std::string text;
  if (!draw.error) draw.error = error_of([&] { text = choice.answer.take(draw.token); });
  if (draw.error) return fail(choice.work, *draw.error);
  ++statistics_.generated_tokens;
  choice.work.sink(TokenEvent{choice.index, draw.token, std::move(text), std::move(draw.logprobs)});
  if (choice.answer.finish()) return finish(choice, *choice.answer.finish());
  choice.known.push_back(draw.token);
}

}  // namespace leankv
