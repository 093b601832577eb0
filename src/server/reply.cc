#include "server/reply.h"

#include <algorithm>
#include <chrono>
#include <random>

#include "server/openai/request_error.h"

namespace leankv {
namespace {

std::string new_id(Dialect dialect) {
  constexpr std::string_view kLetters = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";
  thread_local std::mt19937_64 random(std::random_device{}());
  std::string id = dialect == Dialect::kChat ? "chatcmpl-" : "cmpl-";
  for (int i = 0; i < 24; ++i) id += kLetters[random() % kLetters.size()];
  return id;
}

// What formats still need of a part when the engine has it.
Request without_prompt(const Request& r) {
  Request copy;
  copy.policy = r.policy;
  copy.sampling = r.sampling;
  copy.stop = r.stop;
  copy.max_tokens = r.max_tokens;
  copy.ignore_eos = r.ignore_eos;
  copy.n = r.n;
  copy.logprobs = r.logprobs;
  return copy;
}

}  // namespace

void Reply::begin(Service& service, const ServedModel& model, Metrics& metrics, GenerationRequest request,
                  const Responder& responder) {
  const std::shared_ptr<Reply> reply(new Reply(service, model, metrics, std::move(request), responder));
  reply->submit();
}

Reply::Reply(Service& service, const ServedModel& model, Metrics& metrics, GenerationRequest request,
             const Responder& responder)
    : service_(service),
      metrics_(metrics),
      context_{new_id(request.dialect),
               std::chrono::system_clock::to_time_t(std::chrono::system_clock::now()),
               request.model,
               model,
               std::move(request),
               {},
               {},
               {},
               {}},
      format_(make_format(context_)),
      responder_(responder) {
  const GenerationRequest& r = context_.request;
  context_.policy = r.parts.front().policy;
  context_.prompt_logprobs.resize(r.parts.size());
  for (const Request& part : r.parts) {
    context_.prompt_tokens.push_back(part.prompt.size());
    context_.prompts.push_back(part.prompt_logprobs ? part.prompt : std::vector<int>());
  }
  choices_.resize(r.parts.size() * std::size_t(r.n));
  for (std::size_t i = 0; i < choices_.size(); ++i) {
    choices_[i].all.index = int(i);
    if (r.tools) choices_[i].calls.emplace(*r.tools);
  }
}

void Reply::submit() {
  for (std::size_t part = 0; part < context_.request.parts.size(); ++part) {
    Request& kept = context_.request.parts[part];
    Request request = std::exchange(kept, without_prompt(kept));
    request.label = context_.id;
    const auto id = service_.submit(
        std::move(request), [self = shared_from_this(), part](Event event) { self->take(part, std::move(event)); });
    if (!id) return refuse_busy();
    ids_.push_back(*id);
  }
  if (context_.request.stream) responder_.promise_stream("text/event-stream; charset=utf-8");
  responder_.when_gone([self = shared_from_this()] { self->cancel(); });
}

void Reply::refuse_busy() {
  cancel();
  HttpResponse response =
      error_response(503, service_.state() == ServiceState::kReady ? "too many requests are waiting; try again later"
                                                                   : "the server is shutting down");
  response.headers.push_back({"Retry-After", "1"});
  responder_.send(std::move(response));
}

void Reply::cancel() {
  over_ = true;
  for (RequestId id : ids_) service_.cancel(id);
}

// On the engine's thread.
void Reply::take(std::size_t part, Event event) {
  {
    const std::lock_guard lock(mutex_);
    mail_.push_back({part, std::move(event), Clock::now()});
    if (drain_is_coming_) return;
    drain_is_coming_ = true;
  }
  responder_.post([self = shared_from_this()] { self->drain(); });
}

void Reply::drain() {
  std::vector<Mail> mail;
  {
    const std::lock_guard lock(mutex_);
    mail.swap(mail_);
    drain_is_coming_ = false;
  }
  for (Mail& m : mail) handle(std::move(m));
}

void Reply::handle(Mail&& mail) {
  if (const auto* finish = std::get_if<FinishEvent>(&mail.event)) {
    metrics_.finished(*finish, std::chrono::duration<double>(mail.time - begun_).count());
  }
  if (over_) return;
  std::visit([&](auto&& event) { on_event(mail.part, std::move(event), mail.time); }, std::move(mail.event));
}

void Reply::note_time(Choice& choice, Clock::time_point time) {
  const auto since = std::chrono::duration<double>(time - choice.last_token.value_or(begun_)).count();
  choice.last_token ? metrics_.token_gap(since) : metrics_.first_token(since);
  choice.last_token = time;
}

void Reply::on_event(std::size_t part, PromptEvent&& event, Clock::time_point) {
  context_.prompt_logprobs[part] = std::move(event.logprobs);
}

void Reply::on_event(std::size_t part, TokenEvent&& event, Clock::time_point time) {
  Choice& choice = choice_of(part, event.choice);
  note_time(choice, time);
  ChoiceText piece;
  piece.text = std::move(event.text);
  piece.tokens.push_back(event.token);
  if (event.logprobs) piece.logprobs.push_back(std::move(*event.logprobs));
  grow(choice, std::move(piece));
}

void Reply::on_event(std::size_t part, FinishEvent&& event, Clock::time_point) {
  Choice& choice = choice_of(part, event.choice);
  ChoiceText piece;
  piece.text = std::move(event.text);
  choice.finished = true;
  choice.finish = std::move(event);
  grow(choice, std::move(piece));
  if (context_.request.stream) {
    choice.all.finish = &choice.finish;
    choice.all.calls_before = int(choice.all.calls.size());
    stream(format_->end(choice.all, {}));
  }
  finish_when_complete();
}

void Reply::on_event(std::size_t, ErrorEvent&& event, Clock::time_point) {
  cancel();
  responder_.send(error_response(status_of(event.kind), event.message));
}

// Separates calls from text, and sends what is new.
void Reply::grow(Choice& choice, ChoiceText piece) {
  if (choice.calls) {
    ToolCallReader::Found found = choice.calls->push(piece.text);
    if (choice.finished) {
      ToolCallReader::Found rest = choice.calls->finish();
      found.text += rest.text;
      std::ranges::move(rest.calls, std::back_inserter(found.calls));
    }
    piece.text = std::move(found.text);
    piece.calls = std::move(found.calls);
  }
  if (context_.request.stream) {
    piece.index = choice.all.index;
    piece.calls_before = int(choice.all.calls.size());
    send_piece(choice, piece);
  }
  choice.all.text += piece.text;
  std::ranges::move(piece.calls, std::back_inserter(choice.all.calls));
  std::ranges::move(piece.tokens, std::back_inserter(choice.all.tokens));
  std::ranges::move(piece.logprobs, std::back_inserter(choice.all.logprobs));
}

void Reply::send_piece(Choice& choice, ChoiceText piece) {
  if (!std::exchange(choice.begun, true)) stream(format_->begin(choice.all.index));
  std::ranges::move(piece.tokens, std::back_inserter(choice.unsent.tokens));
  std::ranges::move(piece.logprobs, std::back_inserter(choice.unsent.logprobs));
  const bool last = choice.finished && !choice.unsent.logprobs.empty();
  if (piece.text.empty() && piece.calls.empty() && !last) return;
  piece.tokens = std::exchange(choice.unsent.tokens, {});
  piece.logprobs = std::exchange(choice.unsent.logprobs, {});
  stream(format_->piece(piece));
}

void Reply::stream(const Json& json) {
  if (!std::exchange(streaming_, true)) responder_.start_stream("text/event-stream; charset=utf-8");
  if (!json.is_null()) responder_.write(sse_event(json));
}

void Reply::finish_when_complete() {
  if (!std::ranges::all_of(choices_, &Choice::finished)) return;
  over_ = true;
  std::vector<FinishEvent> finishes;
  for (Choice& choice : choices_) finishes.push_back(std::move(choice.finish));
  if (context_.request.stream) {
    for (std::string& event : format_->close(finishes)) responder_.write(std::move(event));
    return responder_.end();
  }
  std::vector<ChoiceText> texts;
  for (Choice& choice : choices_) texts.push_back(std::move(choice.all));
  responder_.send({200, to_text(format_->whole(texts, finishes))});
}

}  // namespace leankv
