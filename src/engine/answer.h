// One answer token by token: sampling, text in whole characters, stop strings, limits. What generate() and the
// scheduler share.
#pragma once

#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "engine/outcome.h"
#include "engine/sampler.h"
#include "engine/stop_strings.h"
#include "engine/token_mask.h"
#include "model/tokenizer.h"
#include "model/utf8.h"

namespace leankv {

struct AnswerOptions {
  int max_tokens = -1;  // -1: until the context is full
  std::vector<std::string> stop;
  bool ignore_eos = false;
  SamplingOptions sampling;
};

// Tokens that may be sampled after a prompt of so many: prompt and answer together fill the context at most. Throws
// kBadRequest for a prompt that is empty or leaves no room.
int answer_room(int64_t prompt_tokens, int context, int max_tokens);

// REQUIRES a tokenizer that outlives it. The text that take() and rest() return, put together, is valid UTF-8 without
// the stop string.
class Answer {
 public:
  // room: the most tokens. Throws kBadRequest for options out of range.
  Answer(const Tokenizer& tokenizer, const AnswerOptions& options, int room, std::unique_ptr<TokenMask> mask = {});

  // What is to be drawn next, of the row 0 of some logits; asks the mask, if any, what may come. Valid until the next
  // one. history: all tokens so far.
  TokenDraw plan(std::span<const int> history);
  // Counts a token, as it was drawn, in and returns the text that is certain now; then finish() says whether it was the
  // last. Throws as Sampler::note does.
  std::string take(int token);
  std::string rest();  // the text that was held back, at the end

  int tokens() const { return tokens_; }
  std::optional<FinishReason> finish() const { return finish_; }  // kLength at once where room is 0

 private:
  const Tokenizer& tokenizer_;
  int room_;
  std::unique_ptr<TokenMask> mask_;
  std::vector<uint64_t> allowed_;  // [(vocabulary + 63) / 64]; empty without a mask
  Sampler sampler_;
  StopStrings stops_;
  Utf8Stream characters_;
  int tokens_ = 0;
  std::optional<FinishReason> finish_;
};

}  // namespace leankv
