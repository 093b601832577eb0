// Which tokens go into the next step.
#pragma once

#include <span>
#include <vector>

#include "engine/choice.h"
#include "engine/engine.h"

namespace leankv {

// The next tokens of one choice.
struct Share {
  Choice* choice;
  int tokens;
  int logits = 0;  // wanted of the last so many of them
};

// Tokens of the next chunk of a choice. Where chunks are cut depends on the request alone, because what a compressed
// cache keeps depends a little on it: never on who else is there.
int next_chunk(const Engine& engine, const Choice& choice);

// One token of everybody who answers, and prompts up to a budget of one chunk of the engine's: the shortest rest first,
// less half a chunk for each step that passed a prompt over. So a short prompt does not wait for a long one, and a
// long one is delayed by at most twice its own length. Whole chunks only, the first one always.
std::vector<Share> plan_step(const Engine& engine, std::span<Choice* const> running);

}  // namespace leankv
