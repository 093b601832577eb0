#include "engine/generation.h"

#include <algorithm>
#include <chrono>
#include <limits>

#include "base/error.h"
#include "engine/stop_strings.h"
#include "model/utf8.h"

namespace leankv {
namespace {

class Stopwatch {
 public:
  double ms() const { return std::chrono::duration<double, std::milli>(Clock::now() - start_).count(); }

 private:
  using Clock = std::chrono::steady_clock;
  Clock::time_point start_ = Clock::now();
};

SamplingOptions sampling_of(const GenerationOptions& options, const Tokenizer& tokenizer) {
  SamplingOptions sampling = options.sampling;
  if (!options.ignore_eos) return sampling;
  for (int id = 0; id < tokenizer.size(); ++id) {
    if (tokenizer.is_end_of_text(id)) sampling.biases.push_back({id, -std::numeric_limits<float>::infinity()});
  }
  return sampling;
}

// Tokens that may be sampled: prompt and answer together fill the context at most.
int room_for(const Engine& engine, const Sequence& sequence, std::size_t prompt, const GenerationOptions& options) {
  if (prompt == 0) throw Error(ErrorKind::kBadRequest, "the prompt is empty");
  const int64_t total = int64_t(sequence.tokens.size()) + int64_t(prompt);
  if (total >= engine.context()) {
    throw Error(ErrorKind::kBadRequest, "the prompt has " + std::to_string(total) + " tokens, the context holds " +
                                            std::to_string(engine.context()) + ": shorten it or raise --ctx-size");
  }
  const int room = int(engine.context() - total);
  return options.max_tokens < 0 ? room : std::min(room, options.max_tokens);
}

class Run {
 public:
  Run(Engine& engine, Sequence& sequence, const GenerationOptions& options, const GenerationCallbacks& callbacks)
      : engine_(engine),
        sequence_(sequence),
        callbacks_(callbacks),
        sampler_(sampling_of(options, engine.tokenizer()), engine.tokenizer().size()),
        stops_(options.stop) {}

  Generation answer(std::span<const int> prompt, int room) {
    std::optional<ConstMatrix> logits = prefill(prompt);
    const Stopwatch watch;
    while (logits) logits = advance(*logits, room);
    if (!stops_.stopped()) {
      show(stops_.push(characters_.flush()));
      show(stops_.flush());
    }
    result_.timings.predicted_n = int(result_.tokens.size());
    result_.timings.predicted_ms = watch.ms();
    return std::move(result_);
  }

 private:
  std::optional<ConstMatrix> prefill(std::span<const int> prompt) {
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
  std::optional<ConstMatrix> advance(ConstMatrix logits, int room) {
    if (int(result_.tokens.size()) >= room) return finish(FinishReason::kLength);
    const std::size_t known = std::size_t(engine_.tokenizer().size());
    const int token = sampler_.sample(std::span(logits.row(0), known), sequence_.tokens);
    result_.tokens.push_back(token);
    if (engine_.tokenizer().is_end_of_text(token)) return finish(FinishReason::kStop);
    show(stops_.push(characters_.push(engine_.tokenizer().piece(token))));
    if (stops_.stopped()) return finish(FinishReason::kStop);
    if (int(result_.tokens.size()) >= room) return finish(FinishReason::kLength);
    if (cancelled()) return std::nullopt;
    result_.finish = FinishReason::kMemory;
    return engine_.feed(sequence_, {&token, 1});
  }

  std::nullopt_t finish(FinishReason reason) {
    result_.finish = reason;
    return std::nullopt;
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
  Sampler sampler_;
  StopStrings stops_;
  Utf8Stream characters_;
  Generation result_;
};

}  // namespace

Generation generate(Engine& engine, Sequence& sequence, std::span<const int> prompt, const GenerationOptions& options,
                    const GenerationCallbacks& callbacks) {
  const int room = room_for(engine, sequence, prompt.size(), options);
  return Run(engine, sequence, options, callbacks).answer(prompt, room);
}

}  // namespace leankv
