#include "server/openai/served_model.h"

#include <chrono>

#include "server/openai/request_error.h"

namespace leankv {

ServedModel::ServedModel(const Engine& engine, ServedModelOptions options)
    : engine_(engine),
      options_(std::move(options)),
      template_(options_.template_source),
      tool_form_(tool_form_of(options_.template_source)),
      bos_(engine.tokenizer().special_text(engine.tokenizer().bos())),
      eos_(engine.tokenizer().special_text(engine.tokenizer().eos())),
      created_(std::chrono::system_clock::to_time_t(std::chrono::system_clock::now())),
      grammars_(std::make_shared<const TokenTree>(engine.tokenizer())) {}

std::vector<int> ServedModel::encode(const std::string& text, bool add_bos) const {
  std::vector<int> tokens = tokenizer().encode(text, true);
  if (add_bos && tokenizer().adds_bos() && (tokens.empty() || tokens.front() != tokenizer().bos())) {
    tokens.insert(tokens.begin(), tokenizer().bos());
  }
  return tokens;
}

void ServedModel::check_length(std::size_t prompt_tokens) const {
  if (prompt_tokens == 0) throw RequestError(400, "the prompt is empty", "prompt");
  if (prompt_tokens >= std::size_t(context())) throw too_long(prompt_tokens, context());
}

}  // namespace leankv
