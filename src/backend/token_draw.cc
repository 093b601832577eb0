#include "backend/token_draw.h"

#include <algorithm>
#include <vector>

namespace leankv {
namespace {

constexpr float kNever = -std::numeric_limits<float>::infinity();

struct Candidate {
  float logit;
  int token;
};

// Edited logits of all tokens; minus infinity where a token is not allowed.
std::vector<float> edited_logits(std::span<const float> logits, const TokenDraw& draw) {
  std::vector<float> all(logits.begin(), logits.end());
  for (const LogitEdit& edit : draw.edits) all[edit.token] = edited(all[edit.token], edit);
  for (std::size_t t = 0; t < all.size() && !draw.allowed.empty(); ++t) {
    if ((draw.allowed[t / 64] >> t % 64 & 1) == 0) all[t] = kNever;
  }
  return all;
}

int best_token(std::span<const float> logits) {
  Candidate best{kNever, kNoToken};
  for (int t = 0; t < int(logits.size()); ++t) {
    if (logits[t] > best.logit) best = {logits[t], t};  // false for NaN
  }
  return best.token;
}

// The best `count` candidates in order, 0: all.
std::vector<Candidate> best_candidates(std::span<const float> logits, int count) {
  std::vector<Candidate> candidates;
  for (int t = 0; t < int(logits.size()); ++t) {
    if (key_of(logits[t]) > 0) candidates.push_back({logits[t], t});
  }
  const auto better = [](const Candidate& a, const Candidate& b) {
    return a.logit != b.logit ? a.logit > b.logit : a.token < b.token;
  };
  const auto kept = std::ptrdiff_t(rank_of_count(candidates.size(), count));
  std::ranges::partial_sort(candidates, candidates.begin() + kept, better);
  candidates.resize(std::size_t(kept));
  return candidates;
}

// How many of the candidates it takes to come to the rank that rank_of names for the sum of their weights.
template <class Weight, class Rank>
std::size_t count_to(std::span<const Candidate> candidates, Weight&& weight, Rank&& rank_of) {
  uint64_t sum = 0, reached = 0;
  for (const Candidate& c : candidates) sum += weight(c.logit);
  const uint64_t rank = rank_of(sum);
  std::size_t count = 0;
  while (reached < rank) reached += weight(candidates[count++].logit);
  return count;
}

}  // namespace

int draw_token(std::span<const float> logits, const TokenDraw& draw) {
  const DrawRule& rule = draw.rule;
  std::vector<float> changed;
  if (!draw.edits.empty() || !draw.allowed.empty()) logits = changed = edited_logits(logits, draw);
  if (rule.temperature == 0) return best_token(logits);
  std::vector<Candidate> candidates = best_candidates(logits, rule.top_k);
  if (candidates.empty()) return kNoToken;
  const float best = candidates.front().logit;
  if (rule.top_p < 1) {
    candidates.resize(count_to(
        candidates, [&](float logit) { return draw_weight(logit, best, 1.0); },
        [&](uint64_t sum) { return rank_of_share(sum, rule.top_p); }));
  }
  const std::size_t count = count_to(
      candidates, [&](float logit) { return draw_weight(logit, best, rule); },
      [&](uint64_t sum) { return rank_of_draw(sum, rule.random); });
  return candidates[count - 1].token;
}

}  // namespace leankv
