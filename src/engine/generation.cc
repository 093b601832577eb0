#include "engine/generation.h"

#include "engine/stopwatch.h"

namespace leankv {
namespace {

class Run {
 public:
  Run(Engine& engine, Sequence& sequence, const GenerationOptions& options, int room,
      const GenerationCallbacks& callbacks)
      : engine_(engine), sequence_(sequence), callbacks_(callbacks), answer_(engine.tokenizer(), options, room) {}

  Generation answer(std::span<const int> prompt) {
    std::optional<Logits> logits = prefill(prompt);
    const Stopwatch watch;
    while (logits) logits = advance(*logits);
    show(answer_.rest());
    result_.timings.predicted_n = int(result_.tokens.size());
    result_.timings.predicted_ms = watch.ms();
    return std::move(result_);
  }

 private:
  std::optional<Logits> prefill(std::span<const int> prompt) {
    const Stopwatch watch;
    const std::size_t before = sequence_.tokens.size();
    result_.finish = FinishReason::kMemory;
    auto logits = engine_.feed(sequence_, prompt, [&](double done) {
      if (callbacks_.prefill) callbacks_.prefill(done);
      return !cancelled();
    });
    result_.timings.prompt_n = int(sequence_.tokens.size() - before);
    result_.timings.prompt_ms = watch.ms();
    return logits;
  }

  // Samples a token and feeds it; the next logits, or none at the end of the answer.
  std::optional<Logits> advance(const Logits& logits) {
    if (ended()) return std::nullopt;
    const int token = logits.draw(answer_.plan(sequence_.tokens));
    show(answer_.take(token));
    result_.tokens.push_back(token);
    if (ended() || cancelled()) return std::nullopt;
    result_.finish = FinishReason::kMemory;
    return engine_.feed(sequence_, {&token, 1});
  }

  bool ended() {
    if (answer_.finish()) result_.finish = *answer_.finish();
    return answer_.finish().has_value();
  }

  bool cancelled() {
    if (!callbacks_.should_stop || !callbacks_.should_stop()) return false;
    result_.finish = FinishReason::kCancelled;
    return true;
  }

  void show(const std::string& text) {
    if (text.empty()) return;
    result_.text += text;
    if (callbacks_.text) callbacks_.text(text);
  }

  Engine& engine_;
  Sequence& sequence_;
  const GenerationCallbacks& callbacks_;
  Answer answer_;
  Generation result_;
};

}  // namespace

Generation generate(Engine& engine, Sequence& sequence, std::span<const int> prompt, const GenerationOptions& options,
                    const GenerationCallbacks& callbacks) {
  const int64_t total = prompt.empty() ? 0 : int64_t(sequence.tokens.size()) + int64_t(prompt.size());
  const int room = answer_room(total, engine.context(), options.max_tokens);
  return Run(engine, sequence, options, room, callbacks).answer(prompt);
}

}  // namespace leankv
