// Requests to a scheduler over a tiny model, and what came back.
#pragma once

#include <map>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "engine/engine_test_support.h"
#include "engine/scheduler.h"

namespace leankv::testing {

inline EngineOptions serving_options(int64_t pool_bytes = 16 << 20, int sequences = 8) {
  EngineOptions options = tiny_options("tiny2.gguf");
  options.chunk = 64;
  options.sequences = sequences;
  options.pool_bytes = pool_bytes;
  for (const char* text : {"ratio=4", "paper", "K4V4"}) options.other_policies.push_back(parse_policy(text));
  return options;
}

inline Request greedy_request(std::vector<int> prompt, int max_tokens, const char* policy = "off") {
  Request request;
  request.prompt = std::move(prompt);
  request.policy = parse_policy(policy);
  request.sampling.temperature = 0;
  request.max_tokens = max_tokens;
  request.ignore_eos = true;
  return request;
}

// What one choice said.
struct Heard {
  std::vector<int> tokens;
  std::vector<TokenLogprobs> logprobs;
  std::string text;
  std::optional<FinishEvent> finish;
  int64_t first_token_step = -1;  // counted by the test
};

struct Collected {
  std::map<int, Heard> choices;
  std::optional<PromptEvent> prompt;
  std::optional<ErrorEvent> error;
  int64_t* step = nullptr;

  void operator()(const PromptEvent& event) {
    LEANKV_CHECK(!prompt);
    prompt = event;
  }
  void operator()(const TokenEvent& event) {
    Heard& heard = choices[event.choice];
    LEANKV_CHECK(prompt && !heard.finish);
    if (heard.tokens.empty() && step != nullptr) heard.first_token_step = *step;
    heard.tokens.push_back(event.token);
    heard.text += event.text;
    if (event.logprobs) heard.logprobs.push_back(*event.logprobs);
  }
  void operator()(const FinishEvent& event) {
    Heard& heard = choices[event.choice];
    LEANKV_CHECK(!heard.finish);
    heard.finish = event;
    heard.text += event.text;
  }
  void operator()(const ErrorEvent& event) { error = event; }

  EventSink sink() {
    return [this](const Event& event) { std::visit(*this, event); };
  }
};

// A scheduler and the collected events of its requests, in order of submission.
class Harness {
 public:
  explicit Harness(const EngineOptions& options, const SchedulerOptions& scheduling = {})
      : engine_(options), scheduler_(engine_, scheduling) {}

  RequestId submit(Request request) {
    const RequestId id = RequestId(++submitted_);
    collected_[id].step = &steps_;
    scheduler_.submit(id, std::move(request), collected_[id].sink());
    return id;
  }
  bool step() {
    ++steps_;
    const bool worked = scheduler_.step();
    engine_.cache().check_integrity();
    return worked;
  }
  void run() {
    while (step()) {
    }
    LEANKV_CHECK(scheduler_.idle());
  }
  const Heard& answer(RequestId id, int choice = 0) { return collected_.at(id).choices[choice]; }
  const Collected& all(RequestId id) { return collected_.at(id); }
  Scheduler& scheduler() { return scheduler_; }
  Engine& engine() { return engine_; }
  uint32_t used_pages() { return std::as_const(engine_).cache().used_pages(); }
  int64_t steps() const { return steps_; }

 private:
  Engine engine_;
  Scheduler scheduler_;
  std::map<RequestId, Collected> collected_;
  int submitted_ = 0;
  int64_t steps_ = 0;
};

}  // namespace leankv::testing
