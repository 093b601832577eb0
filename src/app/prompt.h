// Messages to prompts, in the words the model was trained with.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/options.h"
#include "engine/engine.h"
#include "model/chat_template.h"

namespace leankv {

using Messages = nlohmann::ordered_json;  // array of {"role", "content"}

void add_message(Messages& messages, std::string_view role, std::string_view content);

// Of --chat-template-file, else the model's own, else ChatML, which --strict refuses.
std::string chat_template_source(const Engine& engine, const AppOptions& options);

class PromptWriter {
 public:
  // With the template of chat_template_source.
  PromptWriter(const Engine& engine, const AppOptions& options);

  // Ends with the beginning of the assistant's answer.
  std::string render(const Messages& messages) const;

 private:
  ChatTemplate template_;
  std::string bos_, eos_;
};

}  // namespace leankv
