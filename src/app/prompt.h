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

class PromptWriter {
 public:
  // The template of --chat-template-file, else the model's own, else ChatML, which --strict refuses.
  PromptWriter(const Engine& engine, const AppOptions& options);

  // Ends with the beginning of the assistant's answer.
  std::string render(const Messages& messages) const;

 private:
  ChatTemplate template_;
  std::string bos_, eos_;
};

}  // namespace leankv
