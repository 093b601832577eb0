#include "engine/sampler.h"

#include <algorithm>
#include <cmath>
#include <limits>
#include <string>

#include "base/error.h"

namespace leankv {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

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
}

int Sampler::sample(std::span<const float> logits, std::span<const int> history, std::span<const uint64_t> allowed) {
  adjust(logits, history, allowed);
  collect();
  if (candidates_.empty()) throw nothing_left(!allowed.empty());
  const int token = choose();
  ++sampled_[token];
  return token;
}

int Sampler::choose() {
  if (options_.temperature == 0) return candidates_.front().token;
  keep_top_p();
  keep_min_p();
  return draw();
}

void Sampler::adjust(std::span<const float> logits, std::span<const int> history, std::span<const uint64_t> allowed) {
  logits_.assign(logits.begin(), logits.end());
  for (const LogitBias& b : options_.biases) logits_[b.token] += b.bias;
  for (std::size_t t = 0; t < logits_.size() && !allowed.empty(); ++t) {
    if ((allowed[t / 64] >> t % 64 & 1) == 0) logits_[t] = kNever;
  }
  if (options_.repeat_penalty != 1 || options_.presence_penalty != 0 || options_.frequency_penalty != 0) {
    penalise(history);
  }
}

// repeat_penalty: CTRL (Keskar et al. 2019, section 4.1) with llama.cpp's reading for negative logits: always towards
// less probable.
void Sampler::penalise(std::span<const int> history) {
  const std::size_t n = options_.repeat_last_n < 0 ? history.size() : std::size_t(options_.repeat_last_n);
  std::map<int, int> recent;
  for (int token : history.last(std::min(n, history.size()))) ++recent[token];
  const auto penalty = float(options_.repeat_penalty);
  for (const auto& [token, count] : recent) {
    logits_[token] = logits_[token] > 0 ? logits_[token] / penalty : logits_[token] * penalty;
  }
  for (const auto& [token, count] : options_.penalise_sampled ? sampled_ : recent) penalise_presence(token, count);
}

// OpenAI's API reference, "Frequency and presence penalties".
void Sampler::penalise_presence(int token, int count) {
  logits_[token] -= float(options_.presence_penalty + count * options_.frequency_penalty);
}

// The best candidates in order: all that a later filter or the draw may look at.
void Sampler::collect() {
  candidates_.clear();
  if (options_.temperature == 0) return collect_best();
  for (int i = 0; i < int(logits_.size()); ++i) {
    if (logits_[i] > kNever) candidates_.push_back({logits_[i], i});  // false for NaN
  }
  const std::size_t wanted = options_.top_k == 0 ? candidates_.size() : options_.top_k;
  const std::size_t kept = std::min(wanted, candidates_.size());
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  std::ranges::partial_sort(candidates_, candidates_.begin() + std::ptrdiff_t(kept), better);
  candidates_.resize(kept);
}

void Sampler::collect_best() {
  Candidate best{kNever, -1};
  for (int i = 0; i < int(logits_.size()); ++i) {
    if (logits_[i] > best.logit) best = {logits_[i], i};  // false for NaN
  }
  if (best.token >= 0) candidates_.push_back(best);
}

void Sampler::keep_top_p() {
  if (options_.top_p >= 1) return;
  const double best = candidates_.front().logit;
  double total = 0, sum = 0;
  for (const Candidate& c : candidates_) total += std::exp(c.logit - best);
  std::size_t kept = 0;
  do sum += std::exp(candidates_[kept++].logit - best);
  while (kept < candidates_.size() && sum < options_.top_p * total);
  candidates_.resize(kept);
}

void Sampler::keep_min_p() {
  if (options_.min_p <= 0) return;
  const double floor = candidates_.front().logit + std::log(options_.min_p);
  std::erase_if(candidates_, [&](const Candidate& c) { return c.logit < floor; });
}

int Sampler::draw() {
  const double best = candidates_.front().logit;
  const auto weight = [&](const Candidate& c) { return std::exp((c.logit - best) / options_.temperature); };
  double total = 0;
  for (const Candidate& c : candidates_) total += weight(c);
  double left = random_.uniform() * total;
  for (const Candidate& c : candidates_) {
    left -= weight(c);
    if (left < 0) return c.token;
  }
  return candidates_.back().token;  // rounding left a rest
}

}  // namespace leankv
