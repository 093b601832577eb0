// /v1/chat/completions: from JSON to what the engine runs.
#include <algorithm>

#include "server/openai/generation_request.h"

namespace leankv {
namespace {

constexpr int kMostTopLogprobs = 20;  // OpenAI's

ChatPrompt chat_prompt(const Fields& f, const ServedModel& model, const ToolChoice& tools) {
  ChatPrompt prompt;
  prompt.messages = read_messages(f);
  prompt.tools = tools.tools;
  prompt.add_generation_prompt = f.flag("add_generation_prompt", true);
  if (const auto variables = f.object("chat_template_kwargs")) prompt.variables = variables->json();
  if (f.has("reasoning_effort")) prompt.variables["reasoning_effort"] = f.text("reasoning_effort");
  adapt_messages(prompt.messages, prompt.tools, model.tool_form());
  return prompt;
}

// The beginning of the prompt that holds system messages and tools: what the text with another first question shares.
std::string system_part(ChatPrompt prompt, const std::string& text, const ServedModel& model) {
  const auto first =
      std::ranges::find_if(prompt.messages, [](const Json& m) { return m.value("role", "") != "system"; });
  if (first == prompt.messages.end() || (first == prompt.messages.begin() && prompt.tools.is_null())) return "";
  const std::string question = first->value("content", "");
  (*first)["content"] = question.starts_with('#') ? "*" : "#";
  const std::string other = model.render(prompt);
  return text.substr(0, std::size_t(std::ranges::mismatch(text, other).in1 - text.begin()));
}

// Tokens from the beginning that are the part's own.
int tokens_of_part(const std::string& part, const std::vector<int>& prompt, const ServedModel& model) {
  if (part.empty()) return 0;
  const std::vector<int> tokens = model.encode(part, false);
  return int(std::ranges::mismatch(tokens, prompt).in1 - tokens.begin());
}

void read_logprobs(const Fields& f, Request& request) {
  const bool wanted = f.flag("logprobs", false);
  const int top = f.count("top_logprobs", 0, 0, kMostTopLogprobs);
  if (top > 0 && !wanted) f.refuse("top_logprobs", "needs 'logprobs'");
  if (wanted) request.logprobs = top;
}

}  // namespace

GenerationRequest read_chat_request(const Json& body, const ServedModel& model) {
  const Fields f(body);
  GenerationRequest result;
  result.dialect = Dialect::kChat;
  result.model = f.text("model", model.name());
  read_stream(f, result);
  Request request;
  read_common(f, model, {"max_completion_tokens", "max_tokens", "n_predict"}, request);
  read_logprobs(f, request);

  const ToolChoice tools = read_tools(f);
  const ChatPrompt prompt = chat_prompt(f, model, tools);
  const std::string text = model.render(prompt);
  request.prompt = model.encode(text, false);
  model.check_length(request.prompt.size());
  read_kv(f, model, tokens_of_part(system_part(prompt, text, model), request.prompt, model), request);

  request.mask = read_text_form(f, model);
  if (!tools.functions.empty()) {
    if (request.mask != nullptr) f.refuse("response_format", "beside 'tools' is not available");
    request.mask = mask_of(tools, model);
    result.tools = model.tool_form();
  }
  result.n = request.n;
  result.prompts.push_back(text);
  result.parts.push_back(std::move(request));
  return result;
}

std::string rendered_chat(const Json& body, const ServedModel& model) {
  const Fields f(body);
  return model.render(chat_prompt(f, model, read_tools(f)));
}

}  // namespace leankv
