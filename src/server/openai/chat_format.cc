// Answers of /v1/chat/completions.
#include "server/openai/answer_format.h"

namespace leankv {
namespace {

Json logprobs_json(const std::vector<TokenLogprobs>& all, const Tokenizer& tokenizer) {
  Json content = Json::array();
  for (const TokenLogprobs& l : all) {
    Json entry = token_json(l.chosen, tokenizer, false);
    entry["top_logprobs"] = Json::array();
    for (const TokenLogprob& t : l.top) entry["top_logprobs"].push_back(token_json(t, tokenizer, false));
    content.push_back(std::move(entry));
  }
  return {{"content", std::move(content)}, {"refusal", nullptr}};
}

class ChatFormat : public AnswerFormat {
 public:
  explicit ChatFormat(const AnswerContext& context) : c_(context) {}

  Json begin(int choice) const override {
    return chunk({{"index", choice},
                  {"delta", {{"role", "assistant"}, {"content", ""}}},
                  {"logprobs", nullptr},
                  {"finish_reason", nullptr}});
  }

  Json piece(const ChoiceText& p) const override {
    Json delta = Json::object();
    if (!p.text.empty() || p.calls.empty()) delta["content"] = p.text;
    if (!p.calls.empty()) delta["tool_calls"] = calls_json(p, true);
    return chunk({{"index", p.index},
                  {"delta", std::move(delta)},
                  {"logprobs", p.logprobs.empty() ? Json() : logprobs_json(p.logprobs, c_.served.tokenizer())},
                  {"finish_reason", nullptr}});
  }

  Json end(const ChoiceText& last, std::span<const FinishEvent>) const override {
    Json json = chunk({{"index", last.index},
                       {"delta", Json::object()},
                       {"logprobs", nullptr},
                       {"finish_reason", reason(last, *last.finish)}});
    json["timings"] = timings_of(*last.finish);
    return json;
  }

  std::vector<std::string> close(std::span<const FinishEvent> all) const override {
    if (!c_.request.include_usage) return {kSseDone};
    Json json = chunk(nullptr);
    json["choices"] = Json::array();
    json["usage"] = usage_of_answer(c_, all);
    json["timings"] = timings_of(all.front());
    return {sse_event(json), kSseDone};
  }

  Json whole(std::span<const ChoiceText> choices, std::span<const FinishEvent> finishes) const override {
    Json list = Json::array();
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const ChoiceText& choice = choices[i];
      Json message = {{"role", "assistant"}, {"content", choice.text}};
      if (!choice.calls.empty()) {
        if (choice.text.empty()) message["content"] = nullptr;
        message["tool_calls"] = calls_json(choice, false);
      }
      list.push_back(
          {{"index", choice.index},
           {"message", std::move(message)},
           {"logprobs",
            c_.request.parts[0].logprobs < 0 ? Json() : logprobs_json(choice.logprobs, c_.served.tokenizer())},
           {"finish_reason", reason(choice, finishes[i])}});
    }
    Json json = head("chat.completion");
    json["choices"] = std::move(list);
    json["usage"] = usage_of_answer(c_, finishes);
    json["timings"] = timings_of(finishes.front());
    return json;
  }

 private:
  Json head(const char* object) const {
    return {{"id", c_.id},
            {"object", object},
            {"created", c_.created},
            {"model", c_.model},
            {"system_fingerprint", "leankv"}};
  }

  Json chunk(Json choice) const {
    Json json = head("chat.completion.chunk");
    json["choices"] = Json::array({std::move(choice)});
    if (c_.request.include_usage) json["usage"] = nullptr;
    return json;
  }

  static const char* reason(const ChoiceText& choice, const FinishEvent& finish) {
    const bool called = !choice.calls.empty() || choice.calls_before > 0;
    return called && finish.reason == FinishReason::kStop ? "tool_calls" : finish_word(finish);
  }

  Json calls_json(const ChoiceText& p, bool with_index) const {
    Json calls = Json::array();
    for (std::size_t i = 0; i < p.calls.size(); ++i) {
      const std::size_t number = std::size_t(p.calls_before) + i;
      Json call = with_index ? Json{{"index", number}} : Json::object();
      call["id"] =
          "call_" + c_.id.substr(c_.id.find('-') + 1) + "_" + std::to_string(p.index) + "_" + std::to_string(number);
      call["type"] = "function";
      call["function"] = {{"name", p.calls[i].name}, {"arguments", p.calls[i].arguments}};
      calls.push_back(std::move(call));
    }
    return calls;
  }

  const AnswerContext& c_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_chat_format(const AnswerContext& context) {
  return std::make_unique<ChatFormat>(context);
}

}  // namespace leankv
