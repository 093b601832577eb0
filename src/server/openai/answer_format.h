// From what the engine reports to the JSON of an answer.
#pragma once

#include <memory>
#include <span>
#include <string>
#include <vector>

#include "server/openai/generation_request.h"

namespace leankv {

// What has become of one choice, or what is new of it.
struct ChoiceText {
  int index = 0;
  std::string text;
  std::vector<ToolCall> calls;
  int calls_before = 0;  // of a piece: that have been sent
  std::vector<int> tokens;
  std::vector<TokenLogprobs> logprobs;  // [tokens] where they were asked for
  const FinishEvent* finish = nullptr;  // of a piece: only with its last
};

// What all pieces of an answer share.
struct AnswerContext {
  std::string id;
  int64_t created = 0;
  std::string model;
  const ServedModel& served;
  // Of the request; its parts have gone to the engine, but their sizes stay.
  GenerationRequest request;
  std::vector<std::size_t> prompt_tokens;                   // [parts]
  std::vector<std::vector<int>> prompts;                    // [parts] tokens, where they are echoed with logprobs
  std::vector<std::vector<TokenLogprobs>> prompt_logprobs;  // [parts]
  Policy policy;
};

class AnswerFormat {
 public:
  virtual ~AnswerFormat() = default;
  // Of a stream. begins: before anything of the choice. Null: nothing is sent for it.
  virtual Json begin(int choice) const = 0;
  virtual Json piece(const ChoiceText& piece) const = 0;
  virtual Json end(const ChoiceText& last, std::span<const FinishEvent> all) const = 0;
  // After the last choice: events such as that with the usage.
  virtual std::vector<std::string> close(std::span<const FinishEvent> all) const = 0;
  // Not of a stream. finishes [choices]
  virtual Json whole(std::span<const ChoiceText> choices, std::span<const FinishEvent> finishes) const = 0;
};

std::unique_ptr<AnswerFormat> make_format(const AnswerContext& context);
std::unique_ptr<AnswerFormat> make_chat_format(const AnswerContext& context);
std::unique_ptr<AnswerFormat> make_text_format(const AnswerContext& context);
std::unique_ptr<AnswerFormat> make_native_format(const AnswerContext& context);

// Parts that they share.
std::string to_text(const Json& json);    // bytes that are no UTF-8 become U+FFFD
std::string sse_event(const Json& json);  // "data: ...\n\n"
inline constexpr const char* kSseDone = "data: [DONE]\n\n";
const char* finish_word(const FinishEvent& finish);  // "stop", "length"
Json timings_of(const FinishEvent& finish);          // llama-server's
Json usage_of_answer(const AnswerContext& context, std::span<const FinishEvent> all);
// What the caches of all choices really took, page-true.
Json kv_usage(const Policy& policy, const Engine& engine, std::span<const FinishEvent> all);
Json token_json(const TokenLogprob& token, const Tokenizer& tokenizer, bool with_id);

}  // namespace leankv
