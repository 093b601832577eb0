// What a request asks of its tokens, and the draws that follow from it.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "backend/token_draw.h"
#include "engine/random.h"

namespace leankv {

struct LogitBias {
  int token = 0;
  float bias = 0;  // added to the logit; -infinity: never
};

// The defaults are llama.cpp's.
struct SamplingOptions {
  double temperature = 0.8;   // 0: the best token, nothing is drawn
  int top_k = 40;             // keep so many of the best; 0: all
  double top_p = 0.95;        // keep the fewest of the best whose probabilities sum to this; 1: all
  double min_p = 0.05;        // keep those at least this times as probable as the best; 0: all
  double repeat_penalty = 1;  // of the last repeat_last_n tokens; 1: none
  int repeat_last_n = 64;     // 0: none, -1: all
  // Subtracted from the logit of a token that has come: once, and as often as it has.
  double presence_penalty = 0, frequency_penalty = 0;
  // Where those two look: at all that was sampled, as OpenAI does, or at the last repeat_last_n, as llama.cpp does.
  bool penalise_sampled = false;
  uint64_t seed = 0;  // the same seed and logits give the same tokens
  std::vector<LogitBias> biases;
};

// Order, as in llama.cpp: biases, a grammar's mask, penalties, top-k, top-p, min-p, temperature, draw. So
// top-p and min-p see probabilities at temperature 1. Of equal logits the lower id comes first. One sampler per answer:
// it says what is to be drawn, a backend draws it (DenseOps::draw).
class Sampler {
 public:
  // Throws kBadRequest, naming the setting, for a value out of range or a token that is not below `vocabulary`.
  Sampler(const SamplingOptions& options, int vocabulary);

  // The next draw, of the row 0; valid until the next plan. history: the tokens of the sequence so far; allowed
  // [(vocabulary + 63) / 64]: a bit per token that may come, empty: all.
  TokenDraw plan(std::span<const int> history, std::span<const uint64_t> allowed = {});
  // What came of it. Throws when that is no token: kBadFile, or kBadRequest where `allowed` may be why.
  void note(int token);

 private:
  void penalise(std::span<const int> history);

  SamplingOptions options_;
  Random random_;
  std::map<int, float> biases_;
  std::map<int, LogitEdit> edits_by_token_;
  std::vector<LogitEdit> edits_;
  std::map<int, int> sampled_;  // token to how often
  bool masked_ = false;         // the draw at hand
};

}  // namespace leankv
