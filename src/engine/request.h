// What one completion request asks for, and what its caller hears of it.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "backend/cache_usage.h"
#include "base/error.h"
#include "engine/outcome.h"
#include "engine/sampler.h"
#include "engine/token_mask.h"
#include "kv/policy.h"

namespace leankv {

using RequestId = uint64_t;

inline constexpr int kMostChoices = 128;    // n
inline constexpr int kMostLogprobs = 1000;  // alternatives per token

struct Request {
  std::vector<int> prompt;
  Policy policy = off_policy();
  SamplingOptions sampling;  // logit_bias is sampling.biases; choice i draws with seed + i
  std::vector<std::string> stop;
  int max_tokens = -1;  // -1: until the context is full; 0: the prompt is only fed
  bool ignore_eos = false;
  int n = 1;                     // answers to the one prompt
  int priority = 0;              // a higher one is admitted and prefilled first, and yields last
  int logprobs = -1;             // most probable alternatives reported with each token; -1: none, 0: the token's own
  bool prompt_logprobs = false;  // the same of the prompt's tokens, for `echo`; at least 0 alternatives
  bool reuse_cache = true;       // goes on with a kept cache, and leaves its own (KeptCaches)
  std::unique_ptr<TokenMask> mask;
  std::string label;  // names the request in the log
  // KvCache::keep_positions; and what the cache was like at the end is remembered for a while (FinishedCache).
  bool keep_positions = false;
};

// Natural logarithms of the model's own probabilities: at temperature 1, before biases, filters and masks.
struct TokenLogprob {
  int token = 0;
  float logprob = 0;
};
struct TokenLogprobs {
  TokenLogprob chosen;
  std::vector<TokenLogprob> top;  // most probable first
};

// The prompt has been fed. Comes once, before any token, whatever n is.
struct PromptEvent {
  std::vector<TokenLogprobs> logprobs;  // [prompt tokens - 1] of all but the first, where they were asked for
};

// A token was sampled. Its text may come with a later token: a character or a possible stop string must be whole first.
struct TokenEvent {
  int choice = 0;
  int token = 0;
  std::string text;  // whole UTF-8 characters
  std::optional<TokenLogprobs> logprobs;
};

// The last event of a choice.
struct FinishEvent {
  int choice = 0;
  FinishReason reason = FinishReason::kStop;
  std::string text;  // that was held back until now
  int prompt_tokens = 0;
  int completion_tokens = 0;  // sampled, an end-of-text token included
  int reused_tokens = 0;      // of the prompt, that a kept cache held
  double queued_ms = 0;       // from submission to the first chunk
  Timings timings;
  int recomputed = 0;  // times that it had to give its pages back and start anew
  CacheUsage cache;    // at its end; empty where it never ran
};

// The request was refused, or cannot go on: the last event of all its choices that have not finished.
struct ErrorEvent {
  ErrorKind kind = ErrorKind::kBadRequest;
  std::string message;
};

using Event = std::variant<PromptEvent, TokenEvent, FinishEvent, ErrorEvent>;

// Called from the thread that runs the engine: must not block or throw.
using EventSink = std::function<void(Event event)>;

}  // namespace leankv
