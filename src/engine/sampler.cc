#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/error.h"

namespace leankv {
namespace {

void require(bool good, const char* name, double value, const char* range) {
  if (good) return;
  std::string text = std::to_string(value);
  throw Error(ErrorKind::kBadRequest, std::string(name) + " " + text + ": must be " + range);
}

void check(const SamplingOptions& o, int vocabulary) {
  require(o.temperature >= 0 && std::isfinite(o.temperature), "temperature", o.temperature, "a number from 0 up");
  require(o.top_k >= 0, "top_k", o.top_k, "a whole number from 0 up");
  require(o.top_p >= 0 && o.top_p <= 1, "top_p", o.top_p, "from 0 to 1");
  require(o.min_p >= 0 && o.min_p <= 1, "min_p", o.min_p, "from 0 to 1");
  require(o.repeat_penalty > 0 && std::isfinite(o.repeat_penalty), "repeat_penalty", o.repeat_penalty,
          "a number above 0");
  require(o.repeat_last_n >= -1, "repeat_last_n", o.repeat_last_n, "a whole number from -1 up");
  require(std::isfinite(o.presence_penalty), "presence_penalty", o.presence_penalty, "a number");
  require(std::isfinite(o.frequency_penalty), "frequency_penalty", o.frequency_penalty, "a number");
  for (const LogitBias& b : o.biases) {
    require(b.token >= 0 && b.token < vocabulary, "logit_bias of token", b.token, "a token of the model");
    require(!std::isnan(b.bias), "logit_bias", b.bias, "a number");
  }
}

Error nothing_left(bool masked) {
  if (masked) return Error(ErrorKind::kBadRequest, "the grammar, together with logit biases, allows no token");
  return Error(
      ErrorKind::kBadFile,
      "no token has a logit that is a number: the model's file is damaged, or logit biases forbid every token");
}

}  // namespace

Sampler::Sampler(const SamplingOptions& options, int vocabulary) : options_(options), random_(options.seed) {
  check(options, vocabulary);
  for (const LogitBias& b : options_.biases) biases_[b.token] += b.bias;
}

TokenDraw Sampler::plan(std::span<const int> history, std::span<const uint64_t> allowed) {
  edits_by_token_.clear();
  for (const auto& [token, bias] : biases_) edits_by_token_[token].bias = bias;
  penalise(history);
  edits_.clear();
  for (auto& [token, edit] : edits_by_token_) {
    edit.token = token;
    edits_.push_back(edit);
  }
  masked_ = !allowed.empty();
  DrawRule rule{.temperature = options_.temperature,
                .top_k = options_.top_k,
                .top_p = options_.top_p,
                .log_min_p = std::log(options_.min_p),
                .random = options_.temperature == 0 ? 0 : random_.uniform()};
  return {0, rule, edits_, allowed};
}

void Sampler::note(int token) {
  if (token == kNoToken) throw nothing_left(masked_);
  ++sampled_[token];
}

// repeat_penalty: CTRL (Keskar et al. 2019, section 4.1) with llama.cpp's reading for negative logits: always towards
// less probable. The others: OpenAI's API reference, "Frequency and presence penalties".
void Sampler::penalise(std::span<const int> history) {
  if (options_.repeat_penalty == 1 && options_.presence_penalty == 0 && options_.frequency_penalty == 0) return;
  const std::size_t n = options_.repeat_last_n < 0 ? history.size() : std::size_t(options_.repeat_last_n);
  std::map<int, int> recent;
  for (const int token : history.last(std::min(n, history.size()))) ++recent[token];
  for (const auto& [token, count] : recent) edits_by_token_[token].penalty = float(options_.repeat_penalty);
  for (const auto& [token, count] : options_.penalise_sampled ? sampled_ : recent) {
    edits_by_token_[token].subtract = float(options_.presence_penalty + count * options_.frequency_penalty);
  }
}

}  // namespace leankv
