// One answer: feeds a prompt, samples until something ends it.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "engine/answer.h"
#include "engine/engine.h"

namespace leankv {

using GenerationOptions = AnswerOptions;

// All optional; called from the thread that generates.
struct GenerationCallbacks {
  std::function<void(std::string_view)> text;  // whole UTF-8 characters, in order
  std::function<void(double)> prefill;         // share of the prompt that is fed
  std::function<bool()> should_stop;           // asked after every chunk and token
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
