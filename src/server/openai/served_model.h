// What handlers need to know of the model that is served.
#pragma once

#include <memory>
#include <string>

#include "engine/generation.h"
#include "model/chat_template.h"
#include "server/grammar/compile.h"
#include "server/openai/tool_form.h"

namespace leankv {

struct ServedModelOptions {
  std::string name;             // as answers and metrics call it
  std::string template_source;  // Jinja
  GenerationOptions defaults;   // of what requests leave out
  bool seed_given = false;      // defaults.sampling.seed is to be used
};

// Immutable but for its cache of grammars; usable from several threads. Must not outlive the engine.
class ServedModel {
 public:
  // Throws as ChatTemplate does.
  ServedModel(const Engine& engine, ServedModelOptions options);

  const Engine& engine() const { return engine_; }
  const Tokenizer& tokenizer() const { return engine_.tokenizer(); }
  const ServedModelOptions& options() const { return options_; }
  const std::string& name() const { return options_.name; }
  int context() const { return engine_.context(); }
  int64_t created() const { return created_; }  // [s] since 1970
  const ToolForm& tool_form() const { return tool_form_; }
  GrammarCache& grammars() const { return grammars_; }
  const std::string& bos_text() const { return bos_; }
  const std::string& eos_text() const { return eos_; }

  std::string render(const ChatPrompt& prompt) const { return render_chat(template_, prompt, bos_, eos_); }
  // With bos where the model wants it; throws 400 for what the context does not hold with a token of answer.
  std::vector<int> encode(const std::string& text, bool add_bos) const;
  void check_length(std::size_t prompt_tokens) const;

 private:
  const Engine& engine_;
  ServedModelOptions options_;
  ChatTemplate template_;
  ToolForm tool_form_;
  std::string bos_, eos_;
  int64_t created_;
  mutable GrammarCache grammars_;
};

}  // namespace leankv
