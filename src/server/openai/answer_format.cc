#include "server/openai/answer_format.h"

#include <cmath>

namespace leankv {
namespace {

double rounded(double value, double step) { return std::round(value / step) * step; }

}  // namespace

std::unique_ptr<AnswerFormat> make_format(const AnswerContext& context) {
  switch (context.request.dialect) {
    case Dialect::kChat:
      return make_chat_format(context);
    case Dialect::kText:
      return make_text_format(context);
    case Dialect::kNative:
      return make_native_format(context);
  }
  LEANKV_CHECK(false);
}

std::string to_text(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace); }
std::string sse_event(const Json& json) { return "data: " + to_text(json) + "\n\n"; }

const char* finish_word(const FinishEvent& finish) {
  switch (finish.reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
    case FinishReason::kMemory:
      return "length";
    case FinishReason::kCancelled:
      return "abort";
  }
  LEANKV_CHECK(false);
}

Json timings_of(const FinishEvent& finish) {
  const Timings& t = finish.timings;
  const auto each = [](double ms, int n) { return n > 0 ? ms / n : 0; };
  return {{"cache_n", finish.reused_tokens},
          {"prompt_n", t.prompt_n},
          {"prompt_ms", t.prompt_ms},
          {"prompt_per_token_ms", each(t.prompt_ms, t.prompt_n)},
          {"prompt_per_second", t.prompt_per_second()},
          {"predicted_n", t.predicted_n},
          {"predicted_ms", t.predicted_ms},
          {"predicted_per_token_ms", each(t.predicted_ms, t.predicted_n)},
          {"predicted_per_second", t.predicted_per_second()},
          {"queued_ms", finish.queued_ms},
          {"recomputed", finish.recomputed}};
}

Json usage_of_answer(const AnswerContext& context, std::span<const FinishEvent> all) {
  std::size_t prompt = 0, completion = 0, reused = 0;
  for (std::size_t n : context.prompt_tokens) prompt += n;
  for (const FinishEvent& f : all) {
    completion += std::size_t(f.completion_tokens);
    if (f.choice == 0) reused += std::size_t(f.reused_tokens);  // of a prompt, once
  }
  return {{"prompt_tokens", prompt},
          {"completion_tokens", completion},
          {"total_tokens", prompt + completion},
          {"prompt_tokens_details", {{"cached_tokens", reused}}},
          {"kv", kv_usage(context.policy, context.served.engine(), all)}};
}

Json kv_usage(const Policy& policy, const Engine& engine, std::span<const FinishEvent> all) {
  const int heads = engine.cache().shape().heads();
  const bool forecasts = policy.kind == PolicyKind::kForecast;
  CacheUsage sum;
  for (const FinishEvent& f : all) {
    sum.tokens += f.cache.tokens;
    sum.bytes_16bit += f.cache.bytes_16bit;
    sum.page_bytes += f.cache.page_bytes;
    sum.table_bytes += f.cache.table_bytes;
    sum.pruned += f.cache.pruned;
    for (std::size_t i = 0; i < sum.tiers.size(); ++i) sum.tiers[i].tokens += f.cache.tiers[i].tokens;
  }
  // Tokens of the mean head: heads choose for themselves.
  const auto tokens = [&](int64_t token_heads) { return rounded(double(token_heads) / heads, 0.01); };
  Json tiers = Json::object();
  for (const Tier& t : kTiers) {
    if (sum.tiers[std::size_t(t.id)].tokens > 0)
      tiers[std::string(t.name)] = tokens(sum.tiers[std::size_t(t.id)].tokens);
  }
  return {{"policy", describe(policy)},
          {"bytes", sum.bytes()},
          {"bytes_16bit", sum.bytes_16bit},
          {"ratio", rounded(sum.ratio(), 0.001)},
          {"tokens", sum.tokens},
          {"tokens_by_tier", tiers},
          {"tokens_pruned", tokens(sum.pruned)},
          {"calibration", forecasts ? engine.options().calibration.origin : ""}};
}

Json token_json(const TokenLogprob& token, const Tokenizer& tokenizer, bool with_id) {
  const std::string_view piece = tokenizer.piece(token.token, true);
  Json bytes = Json::array();
  for (char c : piece) bytes.push_back(uint8_t(c));
  Json json = with_id ? Json{{"id", token.token}} : Json::object();
  json["token"] = piece;
  json["bytes"] = std::move(bytes);
  // JSON knows no infinity; OpenAI writes -9999 for what is hardly possible.
  json["logprob"] = std::isfinite(token.logprob) ? double(token.logprob) : -9999.0;
  return json;
}

}  // namespace leankv
