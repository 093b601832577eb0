// Turns the messages of a chat into a model's prompt, by the template in its file: a subset of Jinja.
#pragma once

#include <memory>
#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace leankv {

namespace jinja {
struct ParsedTemplate;
}

// Immutable, so usable from several threads. Renders as transformers does: Jinja with trim_blocks and lstrip_blocks, no
// escaping, immutable lists and mappings, and the limits of model/jinja/limits.h.
class ChatTemplate {
 public:
  // Throws kBadFile for a source that is not well-formed, kUnsupported for a statement, filter, test, method or
  // function outside the subset; the message names the line and lists what works.
  explicit ChatTemplate(std::string_view source);
  ~ChatTemplate();
  ChatTemplate(ChatTemplate&&) noexcept;
  ChatTemplate& operator=(ChatTemplate&&) noexcept;

  // context: an object, the template's variables. Throws kBadRequest, naming the line, when the template refuses the
  // messages, needs what is not there, or reaches a limit.
  std::string render(const nlohmann::ordered_json& context) const;

 private:
  std::unique_ptr<const jinja::ParsedTemplate> parsed_;
};

struct ChatPrompt {
  nlohmann::ordered_json messages;                                      // array of {role, content, ...}
  nlohmann::ordered_json tools = nullptr;                               // array of function schemas, or null
  nlohmann::ordered_json variables = nlohmann::ordered_json::object();  // more of them; these win over the others
  bool add_generation_prompt = true;  // end with the beginning of the assistant's answer
};

// With the variables that transformers sets: messages, tools, documents, add_generation_prompt and the special tokens'
// texts. An empty bos_token or eos_token is left undefined.
std::string render_chat(const ChatTemplate& chat_template, const ChatPrompt& prompt, std::string_view bos_token,
                        std::string_view eos_token);

}  // namespace leankv
