#include "server/openai/tool_form.h"

#include <algorithm>

#include "base/trimmed.h"

namespace leankv {
namespace {

constexpr std::string_view kBegin = "<tool_call>", kEnd = "</tool_call>";

// Bytes at the end of the text that may be the beginning of the word.
std::size_t possible_beginning(std::string_view text, std::string_view word) {
  std::size_t n = std::min(text.size(), word.size() - 1);
  while (n > 0 && !text.ends_with(word.substr(0, n))) --n;
  return n;
}

std::string marked_call(const Json& function) {
  return std::string(kBegin) + "\n" + function.dump() + "\n" + std::string(kEnd);
}

std::string tools_text(const Json& tools) {
  std::string text =
      "You may call functions to help with the user's query. Their signatures are within <tools></tools>:\n<tools>\n";
  for (const Json& tool : tools) text += tool.dump() + "\n";
  return text +
         "</tools>\n\nFor each call, answer with a JSON object with the function's name and arguments within "
         "<tool_call></tool_call>:\n<tool_call>\n{\"name\": <name>, \"arguments\": <arguments>}\n</tool_call>";
}

// A template that knows no tools sees texts of system, user and assistant alone.
void write_as_text(Json& message) {
  const std::string content = message.value("content", Json()).is_string() ? message["content"] : "";
  if (message.value("role", "") == "tool") {
    message = {{"role", "user"}, {"content", "<tool_response>\n" + content + "\n</tool_response>"}};
  }
  if (!message.contains("tool_calls")) return;
  std::string text = content;
  for (const Json& call : message["tool_calls"]) {
    text += (text.empty() ? "" : "\n") + marked_call(call.value("function", Json::object()));
  }
  message = {{"role", "assistant"}, {"content", text}};
}

void add_to_system_message(Json& messages, const std::string& text) {
  if (messages.empty() || messages[0].value("role", "") != "system") {
    messages.insert(messages.begin(), Json{{"role", "system"}, {"content", text}});
  } else {
    messages[0]["content"] = messages[0].value("content", "") + "\n\n" + text;
  }
}

}  // namespace

ToolForm tool_form_of(std::string_view source) {
  const auto has = [&](std::string_view word) { return source.find(word) != source.npos; };
  const CallForm hermes{std::string(kBegin), std::string(kEnd), "arguments"};
  if (has("tools") && has(kBegin)) return {ToolForm::Kind::kHermes, hermes};
  if (has("tools") && has("<|start_header_id|>")) return {ToolForm::Kind::kLlama3, {"", "", "parameters"}};
  return {ToolForm::Kind::kGeneric, hermes};
}

void adapt_messages(Json& messages, Json& tools, const ToolForm& form) {
  for (Json& message : messages) {
    if (!message.contains("tool_calls")) continue;
    for (Json& call : message["tool_calls"]) {
      if (!call.contains("function") || !call["function"].contains("arguments")) continue;
      Json& arguments = call["function"]["arguments"];
      if (!arguments.is_string()) continue;
      Json parsed = Json::parse(arguments.get<std::string>(), nullptr, false);
      if (parsed.is_object()) arguments = std::move(parsed);
    }
  }
  if (form.kind != ToolForm::Kind::kGeneric) return;
  for (Json& message : messages) write_as_text(message);
  if (tools.is_array() && !tools.empty()) add_to_system_message(messages, tools_text(tools));
  tools = nullptr;
}

std::optional<ToolCall> parse_call(std::string_view text) {
  const Json json = Json::parse(trimmed(text), nullptr, false);
  if (!json.is_object() || !json.contains("name") || !json["name"].is_string()) return std::nullopt;
  for (const char* key : {"arguments", "parameters"}) {
    if (json.contains(key))
      return ToolCall{json["name"], json[key].is_string() ? std::string(json[key]) : json[key].dump()};
  }
  return std::nullopt;
}

ToolCallReader::Found ToolCallReader::push(std::string_view piece) {
  held_ += piece;
  Found found;
  if (form_.kind == ToolForm::Kind::kLlama3) {
    // Only what begins like an object can be a call, and it is one or it is not when it is whole.
    if (!text_seen_ && (trimmed(held_).empty() || trimmed(held_).front() == '{')) return found;
    text_seen_ = true;
    found.text.swap(held_);
  } else {
    read_marked(found);
  }
  return found;
}

void ToolCallReader::read_marked(Found& found) {
  const auto show = [&](std::string_view text) {
    if (!text_seen_ && trimmed(text).empty()) return;
    text_seen_ = true;
    found.text += text;
  };
  for (std::size_t begin; (begin = held_.find(kBegin)) != held_.npos;) {
    const std::size_t end = held_.find(kEnd, begin);
    show(std::string_view(held_).substr(0, begin));
    held_.erase(0, begin);
    if (end == held_.npos) return;
    const std::size_t size = end - begin;
    const std::string inside = held_.substr(kBegin.size(), size - kBegin.size());
    if (auto call = parse_call(inside)) {
      found.calls.push_back(std::move(*call));
      text_seen_ = false;
    } else {
      show(std::string_view(held_).substr(0, size + kEnd.size()));
    }
    held_.erase(0, size + kEnd.size());
  }
  const std::size_t certain = held_.size() - possible_beginning(held_, kBegin);
  show(std::string_view(held_).substr(0, certain));
  held_.erase(0, certain);
}

ToolCallReader::Found ToolCallReader::finish() {
  Found found;
  std::string_view rest = held_;
  if (rest.starts_with(kBegin)) rest.remove_prefix(kBegin.size());
  const bool may_be_call = form_.kind == ToolForm::Kind::kLlama3 ? !text_seen_ : rest.size() < held_.size();
  auto call = may_be_call ? parse_call(rest) : std::nullopt;
  if (call) {
    found.calls.push_back(std::move(*call));
  } else if (text_seen_ || !trimmed(held_).empty()) {
    found.text = held_;
  }
  held_.clear();
  return found;
}

}  // namespace leankv
