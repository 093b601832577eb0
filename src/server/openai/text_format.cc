// Answers of /v1/completions.
#include <algorithm>

#include "server/openai/answer_format.h"

namespace leankv {
namespace {

int code_points(std::string_view text) {
  return int(std::ranges::count_if(text, [](char c) { return (uint8_t(c) & 0xc0) != 0x80; }));
}

// The four lists of OpenAI's first API.
struct LogprobLists {
  Json tokens = Json::array(), token_logprobs = Json::array(), top = Json::array(), offsets = Json::array();
  int offset = 0;

  void add(int token, const TokenLogprobs* logprobs, const Tokenizer& tokenizer) {
    const std::string_view piece = tokenizer.piece(token, true);
    tokens.push_back(piece);
    offsets.push_back(offset);
    offset += code_points(piece);
    if (logprobs == nullptr) {
      token_logprobs.push_back(nullptr);
      top.push_back(nullptr);
      return;
    }
    token_logprobs.push_back(token_json(logprobs->chosen, tokenizer, false)["logprob"]);
    Json best = Json::object();
    for (const TokenLogprob& t : logprobs->top) {
      const Json entry = token_json(t, tokenizer, false);
      best[to_text(entry["token"])] = entry["logprob"];
    }
    top.push_back(std::move(best));
  }
  Json json() && {
    return {{"tokens", std::move(tokens)},
            {"token_logprobs", std::move(token_logprobs)},
            {"top_logprobs", std::move(top)},
            {"text_offset", std::move(offsets)}};
  }
};

class TextFormat : public AnswerFormat {
 public:
  explicit TextFormat(const AnswerContext& context) : c_(context) {}

  Json begin(int choice) const override {
    if (!c_.request.echo) return nullptr;
    ChoiceText echo;
    echo.index = choice;
    echo.text = c_.request.prompts[part_of(choice)];
    return chunk(echo, nullptr);
  }
  Json piece(const ChoiceText& p) const override { return chunk(p, nullptr); }
  Json end(const ChoiceText& last, std::span<const FinishEvent>) const override {
    ChoiceText nothing;
    nothing.index = last.index;
    Json json = chunk(nothing, finish_word(*last.finish));
    json["timings"] = timings_of(*last.finish);
    return json;
  }
  std::vector<std::string> close(std::span<const FinishEvent> all) const override {
    if (!c_.request.include_usage) return {kSseDone};
    Json json = head();
    json["choices"] = Json::array();
    json["usage"] = usage_of_answer(c_, all);
    return {sse_event(json), kSseDone};
  }

  Json whole(std::span<const ChoiceText> choices, std::span<const FinishEvent> finishes) const override {
    Json json = head();
    json["choices"] = Json::array();
    for (std::size_t i = 0; i < choices.size(); ++i) {
      const std::string before = c_.request.echo ? c_.request.prompts[part_of(choices[i].index)] : "";
      json["choices"].push_back({{"index", choices[i].index},
                                 {"text", before + choices[i].text},
                                 {"logprobs", logprobs(choices[i], true)},
                                 {"finish_reason", finish_word(finishes[i])}});
    }
    json["usage"] = usage_of_answer(c_, finishes);
    json["timings"] = timings_of(finishes.front());
    return json;
  }

 private:
  std::size_t part_of(int choice) const { return std::size_t(choice / c_.request.n); }

  Json head() const {
    return {{"id", c_.id},
            {"object", "text_completion"},
            {"created", c_.created},
            {"model", c_.model},
            {"system_fingerprint", "leankv"}};
  }

  Json chunk(const ChoiceText& p, const char* finish) const {
    Json json = head();
    json["choices"] = Json::array({{{"index", p.index},
                                    {"text", p.text},
                                    {"logprobs", p.logprobs.empty() ? Json() : logprobs(p, false)},
                                    {"finish_reason", finish == nullptr ? Json() : Json(finish)}}});
    if (c_.request.include_usage) json["usage"] = nullptr;
    return json;
  }

  Json logprobs(const ChoiceText& choice, bool with_prompt) const {
    const std::size_t part = part_of(choice.index);
    if (c_.request.parts[part].logprobs < 0) return nullptr;
    const Tokenizer& tokenizer = c_.served.tokenizer();
    LogprobLists lists;
    if (with_prompt && c_.request.echo) {
      const std::vector<int>& prompt = c_.prompts[part];
      const std::vector<TokenLogprobs>& of_prompt = c_.prompt_logprobs[part];
      for (std::size_t i = 0; i < prompt.size(); ++i) {
        lists.add(prompt[i], i == 0 || i > of_prompt.size() ? nullptr : &of_prompt[i - 1], tokenizer);
      }
    }
    for (const TokenLogprobs& l : choice.logprobs) lists.add(l.chosen.token, &l, tokenizer);
    return std::move(lists).json();
  }

  const AnswerContext& c_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_text_format(const AnswerContext& context) {
  return std::make_unique<TextFormat>(context);
}

}  // namespace leankv
