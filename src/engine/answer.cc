#include "engine/answer.h"

#include <algorithm>
#include <limits>

#include "base/error.h"

namespace leankv {
namespace {

SamplingOptions sampling_of(const AnswerOptions& options, const Tokenizer& tokenizer) {
  SamplingOptions sampling = options.sampling;
  if (!options.ignore_eos) return sampling;
  for (int id = 0; id < tokenizer.size(); ++id) {
    if (tokenizer.is_end_of_text(id)) sampling.biases.push_back({id, -std::numeric_limits<float>::infinity()});
  }
  return sampling;
}

}  // namespace

int answer_room(int64_t prompt_tokens, int context, int max_tokens) {
  if (prompt_tokens == 0) throw Error(ErrorKind::kBadRequest, "the prompt is empty");
  if (prompt_tokens >= context) {
    throw Error(ErrorKind::kBadRequest, "the prompt has " + std::to_string(prompt_tokens) +
                                            " tokens, the context holds " + std::to_string(context) +
                                            ": shorten it or raise --ctx-size");
  }
  const int room = int(context - prompt_tokens);
  return max_tokens < 0 ? room : std::min(room, max_tokens);
}

Answer::Answer(const Tokenizer& tokenizer, const AnswerOptions& options, int room, std::unique_ptr<TokenMask> mask)
    : tokenizer_(tokenizer),
      room_(room),
      mask_(std::move(mask)),
      sampler_(sampling_of(options, tokenizer), tokenizer.size()),
      stops_(options.stop) {
  if (room_ == 0) finish_ = FinishReason::kLength;
}

TokenDraw Answer::plan(std::span<const int> history) {
  if (mask_) {
    allowed_.assign((std::size_t(tokenizer_.size()) + 63) / 64, 0);
    mask_->allow(allowed_);
  }
  return sampler_.plan(history, allowed_);
}

std::string Answer::take(int token) {
  sampler_.note(token);
  ++tokens_;
  if (tokenizer_.is_end_of_text(token)) {
    finish_ = FinishReason::kStop;
    return {};
  }
  if (mask_) mask_->accept(token);
  std::string text = stops_.push(characters_.push(tokenizer_.piece(token)));
  if (stops_.stopped()) {
    finish_ = FinishReason::kStop;
  } else if (tokens_ >= room_) {
    finish_ = FinishReason::kLength;
  }
  return text;
}

std::string Answer::rest() {
  if (stops_.stopped()) return {};
  std::string text = stops_.push(characters_.flush());
  return text + stops_.flush();
}

}  // namespace leankv
