#include "app/calibrate/learn.h"

#include "base/error.h"

namespace leankv {
namespace {

// A prompt begins with the model's first token, where there is one: much attention rests on it.
std::vector<int> prompt_of(std::span<const int> piece, int bos) {
  std::vector<int> tokens(piece.begin(), piece.end());
  if (bos >= 0) tokens.front() = bos;
  return tokens;
}

void add_curves(const SequenceState& sequence, std::vector<Curve>& sum) {
  for (std::size_t h = 0; h < sum.size(); ++h) {
    const Curve& curve = sequence.memory[h].curve;
    for (int i = 0; i < kCurvePoints; ++i) {
      sum[h].log_past[i] += curve.log_past[i];
      sum[h].log_future[i] += curve.log_future[i];
    }
  }
}

}  // namespace

LearnedCurves learn_curves(Engine& engine, std::span<const int> text, int prompt_tokens,
                           const std::function<void(double done)>& progress) {
  LEANKV_CHECK(engine.options().calibration.curves.empty() && int(text.size()) >= prompt_tokens);
  LearnedCurves learned;
  learned.mean.resize(std::size_t(engine.cache().shape().heads()));
  const int prompts = int(text.size()) / prompt_tokens;
  for (; learned.prompts < prompts; ++learned.prompts) {
    const auto piece =
        text.subspan(std::size_t(learned.prompts) * std::size_t(prompt_tokens), std::size_t(prompt_tokens));
    std::optional<Sequence> sequence = engine.start(engine.options().policy, prompt_tokens, 0);
    LEANKV_CHECK(sequence.has_value());
    const auto fed = engine.feed(*sequence, prompt_of(piece, engine.tokenizer().bos()),
                                 [&](double done) { return progress((learned.prompts + done) / prompts), true; });
    if (!fed) throw Error(ErrorKind::kDoesNotFit, "a prompt does not fit into memory: make --prompt-tokens smaller");
    engine.cache().fetch(sequence->slot());
    add_curves(engine.cache().state(sequence->slot()), learned.mean);
  }
  for (Curve& curve : learned.mean) {
    for (float& x : curve.log_past) x /= float(prompts);
    for (float& y : curve.log_future) y /= float(prompts);
  }
  return learned;
}

}  // namespace leankv
