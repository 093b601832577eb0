// How an answer ended and how long it took.
#pragma once

#include <string_view>

namespace leankv {

enum class FinishReason {
  kStop,       // an end-of-text token or a stop string
  kLength,     // max_tokens, or the context is full
  kCancelled,  // the caller's wish
  kMemory,     // the pool of pages is exhausted
};
inline constexpr int kFinishReasons = 4;
std::string_view finish_reason_name(FinishReason reason);

// llama-server's `timings`.
struct Timings {
  int prompt_n = 0;  // tokens fed, those that the sequence held already left out
  double prompt_ms = 0;
  int predicted_n = 0;      // tokens sampled
  double predicted_ms = 0;  // from the end of the prompt to the end of the answer

  double prompt_per_second() const { return prompt_ms > 0 ? 1000 * prompt_n / prompt_ms : 0; }
  double predicted_per_second() const { return predicted_ms > 0 ? 1000 * predicted_n / predicted_ms : 0; }
};

}  // namespace leankv
