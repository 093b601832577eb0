// /v1/completions and /completion: from JSON to what the engine runs.
#include <algorithm>

#include "server/openai/generation_request.h"

namespace leankv {
namespace {

constexpr int kDefaultMaxTokens = 16;  // OpenAI's and vLLM's of /v1/completions
constexpr std::size_t kMostPrompts = 1024;

bool is_token(const Json& value, const ServedModel& model) {
  return value.is_number_integer() && value >= 0 && value < model.tokenizer().size();
}

// A text, tokens, or both in one list.
std::vector<int> read_prompt(const Json& prompt, const Fields& f, const ServedModel& model) {
  if (prompt.is_string()) return model.encode(prompt, true);
  if (!prompt.is_array()) f.refuse("prompt", "must be a text, a list of tokens, or a list of these");
  std::vector<int> tokens;
  for (const Json& piece : prompt) {
    if (is_token(piece, model)) {
      tokens.push_back(piece);
    } else if (piece.is_string()) {
      const std::string text = piece;
      const std::vector<int> more =
          tokens.empty() ? model.encode(text, true) : model.tokenizer().encode(text, true, false);
      tokens.insert(tokens.end(), more.begin(), more.end());
    } else {
      f.refuse("prompt", "has " + piece.dump().substr(0, 40) + ", which is neither a text nor a token of the model");
    }
  }
  return tokens;
}

// One or several prompts. A list of texts is several in OpenAI's API and one in llama-server's, where a list that has
// tokens and texts is meant.
std::vector<std::vector<int>> read_prompts(const Fields& f, const ServedModel& model) {
  const Json* prompt = f.find("prompt");
  if (prompt == nullptr) f.refuse("prompt", "is missing");
  if (prompt->is_object() && prompt->contains("prompt_string")) prompt = &(*prompt)["prompt_string"];
  const auto is_whole = [](const Json& p) { return p.is_string() || p.is_array(); };
  const bool several = prompt->is_array() && !prompt->empty() && std::ranges::all_of(*prompt, is_whole);
  std::vector<std::vector<int>> prompts;
  if (!several) {
    prompts.push_back(read_prompt(*prompt, f, model));
  } else {
    if (prompt->size() > kMostPrompts) f.refuse("prompt", "has more than " + std::to_string(kMostPrompts) + " prompts");
    for (const Json& one : *prompt) prompts.push_back(read_prompt(one, f, model));
  }
  return prompts;
}

// make: a request without its prompt, once per prompt because masks are not copied.
template <class Make>
void add_parts(GenerationRequest& result, std::vector<std::vector<int>> prompts, const ServedModel& model,
               Make&& make) {
  for (std::vector<int>& tokens : prompts) {
    model.check_length(tokens.size());
    Request request = make();
    result.n = request.n;
    result.prompts.push_back(model.tokenizer().decode(tokens));
    request.prompt = std::move(tokens);
    result.parts.push_back(std::move(request));
  }
}

}  // namespace

GenerationRequest read_text_request(const Json& body, const ServedModel& model) {
  const Fields f(body);
  GenerationRequest result;
  result.dialect = Dialect::kText;
  result.model = f.text("model", model.name());
  result.echo = f.flag("echo", false);
  read_stream(f, result);
  add_parts(result, read_prompts(f, model), model, [&] {
    Request request;
    read_common(f, model, {"max_tokens", "max_completion_tokens", "n_predict"}, request);
    const bool limited = f.has("max_tokens") || f.has("max_completion_tokens") || f.has("n_predict");
    if (!limited && model.options().defaults.max_tokens < 0) request.max_tokens = kDefaultMaxTokens;
    request.logprobs = f.count("logprobs", -1, 0, kMostLogprobs);
    request.prompt_logprobs = result.echo && request.logprobs >= 0;
    read_kv(f, model, 0, request);
    request.mask = read_text_form(f, model);
    return request;
  });
  if (result.echo && result.stream && result.parts[0].logprobs >= 0)
    f.refuse("echo", "with 'logprobs' needs 'stream': false");
  return result;
}

GenerationRequest read_native_request(const Json& body, const ServedModel& model) {
  const Fields f(body);
  GenerationRequest result;
  result.dialect = Dialect::kNative;
  result.model = f.text("model", model.name());
  read_stream(f, result);
  add_parts(result, read_prompts(f, model), model, [&] {
    Request request;
    read_common(f, model, {"n_predict", "max_tokens"}, request);
    request.sampling.penalise_sampled = false;
    const int alternatives = f.count("n_probs", 0, 0, kMostLogprobs);
    if (alternatives > 0) request.logprobs = alternatives;
    read_kv(f, model, 0, request);
    request.mask = read_text_form(f, model);
    return request;
  });
  if (result.stream && result.parts.size() > 1) f.refuse("prompt", "must be one where the answer is a stream");
  return result;
}

}  // namespace leankv
