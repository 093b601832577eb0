#include "app/load/measured_request.h"

#include <nlohmann/json.hpp>

namespace leankv {
namespace {

using Json = nlohmann::json;

bool has_text(const Json& object, const char* name) {
  return object.contains(name) && object[name].is_string() && !object[name].get_ref<const std::string&>().empty();
}

// The first event of a chat names only a role; the last one of any answer only a reason.
bool brings_text(const Json& event) {
  if (!event.contains("choices") || !event["choices"].is_array()) return false;
  for (const Json& choice : event["choices"]) {
    if (!choice.is_object()) continue;
    const Json delta = choice.value("delta", Json::object());
    if (has_text(choice, "text") || has_text(delta, "content") || has_text(delta, "reasoning_content")) return true;
  }
  return false;
}

std::string message_of(const Json& json, const std::string& otherwise) {
  if (!json.is_object() || !json.contains("error")) return otherwise;
  const Json& error = json["error"];
  return error.is_object() ? error.value("message", otherwise) : error.dump();
}

}  // namespace

void MeasuredRequest::take_event(std::string_view data, double now_s) {
  if (data == "[DONE]") return;
  const Json event = Json::parse(data, nullptr, false);
  if (!event.is_object()) {
    error = "an event is no JSON object";
    return;
  }
  if (event.contains("error")) error = message_of(event, "an error without a message");
  if (brings_text(event)) {
    if (!first_s) first_s = now_s;
    last_s = now_s;
  }
  if (!event.contains("usage") || !event["usage"].is_object()) return;
  const Json& usage = event["usage"];
  prompt_tokens = usage.value("prompt_tokens", 0);
  output_tokens = usage.value("completion_tokens", 0);
  const Json kv = usage.value("kv", Json::object());
  cache_bytes = kv.value("bytes", 0.0);
  cache_bytes_16bit = kv.value("bytes_16bit", 0.0);
}

void MeasuredRequest::take_refusal(int status, const std::string& body) {
  error = std::to_string(status) + ": " + message_of(Json::parse(body, nullptr, false), body);
}

void MeasuredRequest::end(double now_s) {
  end_s = now_s;
  if (error.empty() && output_tokens == 0) error = "the stream ended without usage";
}

}  // namespace leankv
