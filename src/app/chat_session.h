// A conversation with its messages and its compressed cache.
#pragma once

#include <optional>
#include <string>

#include "app/prompt.h"
#include "engine/conversation.h"

namespace leankv {

// Owns messages and cache; must not outlive the engine.
class ChatSession {
 public:
  ChatSession(Engine& engine, const AppOptions& options);

  // Adds the user's message and the answer. Neither is added when the answer has no token, for example because it was
  // stopped before, nor when this throws, which it does as Conversation::answer does.
  const Generation& say(const std::string& text, const GenerationCallbacks& callbacks);

  void clear();  // the messages, but for the system's, and the cache
  void attach(const std::string& name, const std::string& document);  // to the next message
  void set_policy(const Policy& policy) { conversation_.restart(policy); }

  // The conversation as JSON: messages, the cache's setting and what it holds. from_json builds no cache: the next
  // message does.
  // Throws kBadFile for JSON that is no conversation; then nothing has changed.
  nlohmann::ordered_json to_json() const;
  void from_json(const nlohmann::ordered_json& json);

  const Engine& engine() const { return engine_; }
  const Messages& messages() const { return messages_; }
  const Policy& policy() const { return conversation_.policy(); }
  const Sequence* sequence() const { return conversation_.sequence(); }
  const std::optional<Generation>& last() const { return last_; }
  int reused_tokens() const { return conversation_.reused_tokens(); }

 private:
  Engine& engine_;
  GenerationOptions generation_;
  PromptWriter writer_;
  Conversation conversation_;
  Messages messages_ = Messages::array();
  std::string system_, attached_;
  std::optional<Generation> last_;
};

}  // namespace leankv
