#include "engine/step_plan.h"

#include <algorithm>

namespace leankv {
namespace {

// After so many tokens attention costs a row of a chunk as much as all else (measured: 135 million parameters; larger
// models later). Chunks get smaller accordingly, so that a step takes about as long, but no smaller than a quarter,
// where reading the weights would begin to count.
constexpr int kEvenContext = 1600;

int even_chunk(int chunk, int fed) {
  const int share = std::min(4, 1 + (fed + kEvenContext / 2) / kEvenContext);
  return std::max(kSmallestChunk, chunk / share);
}

int standing(const Choice& choice, int chunk) { return choice.left() - choice.passed_over * (chunk / 2); }

bool goes_first(const Choice& a, const Choice& b, int chunk) {
  if (a.work.request.priority != b.work.request.priority) return a.work.request.priority > b.work.request.priority;
  const int left = standing(a, chunk), right = standing(b, chunk);
  return left != right ? left < right : comes_before(a, b);
}

}  // namespace

// An answer that is computed again is fed as it was the first time, token by token: one row alone is computed otherwise
// than a chunk, and attention is observed in between.
int next_chunk(const Engine& engine, const Choice& choice) {
  const int fed = choice.fed(), prompt = choice.work.prompt_tokens();
  const int whole = even_chunk(engine.options().chunk, fed);
  if (fed >= prompt) return 1;
  return std::min({whole, prompt - fed, engine.tokens_to_judgement(*choice.sequence).value_or(whole)});
}

std::vector<Share> plan_step(const Engine& engine, std::span<Choice* const> running) {
  const int chunk = engine.options().chunk;
  std::vector<Share> shares;
  std::vector<Choice*> prompts;
  for (Choice* choice : running) {
    if (next_chunk(engine, *choice) == 1) {
      shares.push_back({.choice = choice, .tokens = 1});
    } else {
      prompts.push_back(choice);
    }
  }
  std::ranges::sort(prompts, [&](Choice* a, Choice* b) { return goes_first(*a, *b, chunk); });
  int budget = chunk;
  for (Choice* choice : prompts) {
    const int tokens = next_chunk(engine, *choice);
    if (tokens > budget) {
      ++choice->passed_over;
      continue;
    }
    shares.push_back({.choice = choice, .tokens = tokens});
    budget -= tokens;
  }
  return shares;
}

}  // namespace leankv
