// One answer: feeds a prompt, samples until something ends it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/engine.h"
#include "engine/sampler.h"

namespace leankv {

enum class FinishReason {
  kStop,       // an end-of-text token or a stop string
  kLength,     // max_tokens, or the context is full
  kCancelled,  // the caller's wish
  kMemory,     // the pool of pages is exhausted
};
std::string_view finish_reason_name(FinishReason reason);

struct GenerationOptions {
  int max_tokens = -1;  // -1: until the context is full
  std::vector<std::string> stop;
  bool ignore_eos = false;
  SamplingOptions sampling;
};

// All optional; called from the thread that generates.
struct GenerationCallbacks {
  std::function<void(std::string_view)> text;  // whole UTF-8 characters, in order
  std::function<void(double)> prefill;         // share of the prompt that is fed
  std::function<bool()> should_stop;           // asked after every chunk and token
};

// llama-server's `timings`.
struct Timings {
  int prompt_n = 0;  // tokens fed, those that the sequence held already left out
  double prompt_ms = 0;
  int predicted_n = 0;      // tokens sampled
  double predicted_ms = 0;  // from the end of the prompt to the end of the answer

  double prompt_per_second() const { return prompt_ms > 0 ? 1000 * prompt_n / prompt_ms : 0; }
  double predicted_per_second() const { return predicted_ms > 0 ? 1000 * predicted_n / predicted_ms : 0; }
};

struct Generation {
  std::string text;         // valid UTF-8, without the stop string
  std::vector<int> tokens;  // sampled, an end-of-text token included; the last one is not fed
  FinishReason finish = FinishReason::kStop;
  Timings timings;
};

// Feeds `prompt`, the tokens that follow those the sequence holds, and answers. REQUIRES a sequence of this engine.
// Throws kBadRequest when the prompt is empty or leaves no room in the context, or when options are out of range: then
// nothing was fed.
Generation generate(Engine& engine, Sequence& sequence, std::span<const int> prompt, const GenerationOptions& options,
                    const GenerationCallbacks& callbacks = {});

}  // namespace leankv
