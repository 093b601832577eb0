// Log probabilities of tokens, as the model gives them.
#pragma once

#include <span>

#include "engine/request.h"

namespace leankv {

// logits [vocabulary]; of the chosen token and of the `top` most probable ones, the lower id first where equal.
TokenLogprobs logprobs_of(std::span<const float> logits, int chosen, int top);

}  // namespace leankv
