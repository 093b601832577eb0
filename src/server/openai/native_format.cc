// Answers of llama-server's /completion.
#include "server/openai/answer_format.h"

namespace leankv {
namespace {

class NativeFormat : public AnswerFormat {
 public:
  explicit NativeFormat(const AnswerContext& context) : c_(context) {}

  Json begin(int) const override { return nullptr; }

  Json piece(const ChoiceText& p) const override {
    Json json = {{"index", p.index},
                 {"content", p.text},
                 {"tokens", p.tokens},
                 {"stop", false},
                 {"id_slot", -1},
                 {"tokens_predicted", p.tokens.size()},
                 {"tokens_evaluated", c_.prompt_tokens[part_of(p.index)]}};
    add_probabilities(json, p);
    return json;
  }

  Json end(const ChoiceText& last, std::span<const FinishEvent>) const override {
    ChoiceText nothing;
    nothing.index = last.index;
    return final(nothing, last, *last.finish);
  }

  std::vector<std::string> close(std::span<const FinishEvent>) const override { return {}; }

  Json whole(std::span<const ChoiceText> choices, std::span<const FinishEvent> finishes) const override {
    Json list = Json::array();
    for (std::size_t i = 0; i < choices.size(); ++i) list.push_back(final(choices[i], choices[i], finishes[i]));
    return list.size() == 1 ? list[0] : list;
  }

 private:
  std::size_t part_of(int choice) const { return std::size_t(choice / c_.request.n); }

  // shown: what of the choice this message carries.
  Json final(const ChoiceText& shown, const ChoiceText& all, const FinishEvent& finish) const {
    const std::size_t part = part_of(shown.index);
    Json json = {{"index", shown.index},
                 {"content", shown.text},
                 {"tokens", shown.tokens},
                 {"id_slot", -1},
                 {"stop", true},
                 {"model", c_.model},
                 {"tokens_predicted", finish.completion_tokens},
                 {"tokens_evaluated", c_.prompt_tokens[part]},
                 {"generation_settings", settings(c_.request.parts[part])},
                 {"prompt", c_.request.prompts[part]},
                 {"has_new_line", all.text.find('\n') != all.text.npos},
                 {"truncated", false},
                 {"stop_type", stop_type(all, finish)},
                 {"stopping_word", ""},
                 {"tokens_cached", finish.cache.tokens},
                 {"timings", timings_of(finish)},
                 {"usage", usage_of_answer(c_, {&finish, 1})}};
    add_probabilities(json, shown);
    return json;
  }

  const char* stop_type(const ChoiceText& choice, const FinishEvent& finish) const {
    if (finish.reason == FinishReason::kLength || finish.reason == FinishReason::kMemory) return "limit";
    if (finish.reason == FinishReason::kCancelled) return "none";
    const bool eos = !choice.tokens.empty() && c_.served.tokenizer().is_end_of_text(choice.tokens.back());
    return eos ? "eos" : "word";
  }

  void add_probabilities(Json& json, const ChoiceText& p) const {
    if (p.logprobs.empty()) return;
    Json list = Json::array();
    for (const TokenLogprobs& l : p.logprobs) {
      Json entry = token_json(l.chosen, c_.served.tokenizer(), true);
      entry["top_logprobs"] = Json::array();
      for (const TokenLogprob& t : l.top) entry["top_logprobs"].push_back(token_json(t, c_.served.tokenizer(), true));
      list.push_back(std::move(entry));
    }
    json["completion_probabilities"] = std::move(list);
  }

  static Json settings(const Request& r) {
    const SamplingOptions& s = r.sampling;
    return {{"n_predict", r.max_tokens},
            {"seed", s.seed},
            {"temperature", s.temperature},
            {"top_k", s.top_k},
            {"top_p", s.top_p},
            {"min_p", s.min_p},
            {"repeat_penalty", s.repeat_penalty},
            {"repeat_last_n", s.repeat_last_n},
            {"presence_penalty", s.presence_penalty},
            {"frequency_penalty", s.frequency_penalty},
            {"stop", r.stop},
            {"ignore_eos", r.ignore_eos},
            {"n_probs", std::max(0, r.logprobs)},
            {"kv", describe(r.policy)}};
  }

  const AnswerContext& c_;
};

}  // namespace

std::unique_ptr<AnswerFormat> make_native_format(const AnswerContext& context) {
  return std::make_unique<NativeFormat>(context);
}

}  // namespace leankv
