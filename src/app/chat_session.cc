#include "app/chat_session.h"

#include <filesystem>

#include "app/head_report.h"
#include "app/usage_report.h"
#include "base/error.h"

namespace leankv {
namespace {

constexpr const char* kFormat = "leankv conversation 1";

std::string string_field(const nlohmann::ordered_json& json, const char* key) {
  if (json.is_object() && json.contains(key) && json[key].is_string()) return json[key];
  throw Error(ErrorKind::kBadFile, "no saved conversation: '" + std::string(key) + "' is missing or no text");
}

Messages messages_of(const nlohmann::ordered_json& json) {
  if (!json.contains("messages") || !json["messages"].is_array()) {
    throw Error(ErrorKind::kBadFile, "no saved conversation: 'messages' is missing or no list");
  }
  Messages messages = Messages::array();
  for (const auto& m : json["messages"]) add_message(messages, string_field(m, "role"), string_field(m, "content"));
  return messages;
}

}  // namespace

ChatSession::ChatSession(Engine& engine, const AppOptions& options)
    : engine_(engine),
      generation_(options.generation),
      writer_(engine, options),
      conversation_(engine, options.engine.policy),
      system_(options.system) {
  clear();
}

const Generation& ChatSession::say(const std::string& text, const GenerationCallbacks& callbacks) {
  Messages messages = messages_;
  add_message(messages, "user", attached_ + text);
  last_ = conversation_.answer(writer_.render(messages), generation_, callbacks);
  ++generation_.sampling.seed;  // the same question twice may have two answers, a repeated conversation has the same
  if (last_->tokens.empty()) return *last_;
  add_message(messages, "assistant", last_->text);
  messages_ = std::move(messages);
  attached_.clear();
  return *last_;
}

void ChatSession::clear() {
  messages_ = Messages::array();
  if (!system_.empty()) add_message(messages_, "system", system_);
  attached_.clear();
  last_.reset();
  conversation_.restart();
}

void ChatSession::attach(const std::string& name, const std::string& document) {
  attached_ += "Document " + name + ":\n\n" + document + (document.ends_with('\n') ? "\n" : "\n\n");
}

nlohmann::ordered_json ChatSession::to_json() const {
  nlohmann::ordered_json json = {{"format", kFormat},
                                 {"model", std::filesystem::path(engine_.file().name()).filename().string()},
                                 {"kv", describe(policy())},
                                 {"messages", messages_}};
  if (sequence() != nullptr) {
    const SlotId slot = sequence()->slot();
    json["cache"] = usage_json(report_of(engine_.cache(), slot));
    json["cache"]["by_head"] = heads_json(engine_.cache(), slot);
  }
  return json;
}

void ChatSession::from_json(const nlohmann::ordered_json& json) {
  if (string_field(json, "format") != kFormat) {
    throw Error(ErrorKind::kBadFile, "no saved conversation: 'format' is not '" + std::string(kFormat) + "'");
  }
  Messages messages = messages_of(json);
  conversation_.restart(parse_policy(string_field(json, "kv")));
  messages_ = std::move(messages);
  attached_.clear();
  last_.reset();
}

}  // namespace leankv
