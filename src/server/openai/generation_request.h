// A request for text, read from any of the three APIs.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "engine/request.h"
#include "server/openai/fields.h"
#include "server/openai/served_model.h"

namespace leankv {

enum class Dialect {
  kChat,    // OpenAI's /v1/chat/completions
  kText,    // OpenAI's /v1/completions
  kNative,  // llama-server's /completion
};

struct GenerationRequest {
  Dialect dialect = Dialect::kChat;
  std::string model;                 // as the client calls it
  std::vector<Request> parts;        // one per prompt, each with n choices
  std::vector<std::string> prompts;  // [parts] their texts, where the answer repeats them
  int n = 1;
  bool stream = false;
  bool include_usage = false;
  bool echo = false;
  bool timings_per_token = false;
  std::optional<ToolForm> tools;  // calls are looked for in the answer
};

// Each throws RequestError for a field that is not as it must be, and for one that asks for what there is not.
GenerationRequest read_chat_request(const Json& body, const ServedModel& model);
GenerationRequest read_text_request(const Json& body, const ServedModel& model);
GenerationRequest read_native_request(const Json& body, const ServedModel& model);

// The prompt of a chat request alone.
std::string rendered_chat(const Json& body, const ServedModel& model);

// The parts of it, shared by the readers.

// Sampling, stop, seed, n, priority: everything that the APIs have in common. limits: the names of the most tokens, the
// first that is given counts.
void read_common(const Fields& fields, const ServedModel& model, std::initializer_list<const char*> limits,
                 Request& request);
void read_stream(const Fields& fields, GenerationRequest& request);
// `kv`. pinned: tokens of the prompt's beginning that "pin": "system" is about.
void read_kv(const Fields& fields, const ServedModel& model, int pinned, Request& request);
// response_format, json_schema and vLLM's names for them; none where the text is free.
std::unique_ptr<TokenMask> read_text_form(const Fields& fields, const ServedModel& model);

// The tools of a chat request.
struct ToolChoice {
  std::vector<ToolFunction> functions;  // those that may be called
  Json tools = nullptr;                 // as the template takes them; null where it is to show none
  bool must_call = false;
  bool parallel = true;
  bool strict = false;  // somebody asked for arguments that keep to their schema
};
ToolChoice read_tools(const Fields& fields);
std::unique_ptr<TokenMask> mask_of(const ToolChoice& choice, const ServedModel& model);
// Checked and with the content as plain text.
Json read_messages(const Fields& fields);

}  // namespace leankv
