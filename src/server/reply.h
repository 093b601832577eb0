// One request on its way: submits it to the engine and turns what comes back into an answer.
#pragma once

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <vector>

#include "engine/service.h"
#include "server/http/responder.h"
#include "server/metrics.h"
#include "server/openai/answer_format.h"

namespace leankv {

// Alive as long as the engine or its connection may call it. Events are only collected on the engine's thread; JSON is
// made of them on the connection's.
class Reply : public std::enable_shared_from_this<Reply> {
 public:
  static void begin(Service& service, const ServedModel& model, Metrics& metrics, GenerationRequest request,
                    const Responder& responder);

 private:
  using Clock = std::chrono::steady_clock;
  struct Mail {
    std::size_t part;
    Event event;
    Clock::time_point time;
  };
  // A choice's text as it grows, and what has been sent of it.
  struct Choice {
    ChoiceText all;
    std::optional<ToolCallReader> calls;
    ChoiceText unsent;  // tokens whose text was held back
    std::optional<Clock::time_point> last_token;
    bool begun = false;
    bool finished = false;
    FinishEvent finish;
  };

  Reply(Service& service, const ServedModel& model, Metrics& metrics, GenerationRequest request,
        const Responder& responder);
  void submit();
  void refuse_busy();
  void cancel();
  void take(std::size_t part, Event event);
  void drain();
  void handle(Mail&& mail);
  void note_time(Choice& choice, Clock::time_point time);
  void on_event(std::size_t part, PromptEvent&& event, Clock::time_point time);
  void on_event(std::size_t part, TokenEvent&& event, Clock::time_point time);
  void on_event(std::size_t part, FinishEvent&& event, Clock::time_point time);
  void on_event(std::size_t part, ErrorEvent&& event, Clock::time_point time);
  Choice& choice_of(std::size_t part, int choice) {
    return choices_[part * std::size_t(context_.request.n) + std::size_t(choice)];
  }
  void grow(Choice& choice, ChoiceText piece);
  void send_piece(Choice& choice, ChoiceText piece);
  void stream(const Json& json);
  void finish_when_complete();

  Service& service_;
  Metrics& metrics_;
  AnswerContext context_;
  std::unique_ptr<AnswerFormat> format_;
  Responder responder_;
  const Clock::time_point begun_ = Clock::now();
  std::vector<RequestId> ids_;  // of the parts that the engine has taken
  std::vector<Choice> choices_;
  bool streaming_ = false;
  bool over_ = false;

  std::mutex mutex_;  // of the two below
  std::vector<Mail> mail_;
  bool drain_is_coming_ = false;
};

}  // namespace leankv
