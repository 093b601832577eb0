#include "model/chat_template.h"

#include "model/jinja/interpreter.h"
#include "model/jinja/parser.h"

namespace leankv {

struct jinja::ParsedTemplate {
  Block block;
};

ChatTemplate::ChatTemplate(std::string_view source) : parsed_(new jinja::ParsedTemplate{jinja::parse(source)}) {}

ChatTemplate::~ChatTemplate() = default;
ChatTemplate::ChatTemplate(ChatTemplate&&) noexcept = default;
ChatTemplate& ChatTemplate::operator=(ChatTemplate&&) noexcept = default;

std::string ChatTemplate::render(const nlohmann::ordered_json& context) const {
  return jinja::render(parsed_->block, context);
}

std::string render_chat(const ChatTemplate& chat_template, const ChatPrompt& prompt, std::string_view bos_token,
                        std::string_view eos_token) {
  nlohmann::ordered_json context;
  context["messages"] = prompt.messages;
  context["tools"] = prompt.tools;
  context["documents"] = nullptr;
  context["add_generation_prompt"] = prompt.add_generation_prompt;
  if (!bos_token.empty()) context["bos_token"] = bos_token;
  if (!eos_token.empty()) context["eos_token"] = eos_token;
  for (const auto& [name, value] : prompt.variables.items()) context[name] = value;
  return chat_template.render(context);
}

}  // namespace leankv
