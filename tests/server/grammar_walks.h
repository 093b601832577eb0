// Answers that a grammar allows, drawn at random from a vocabulary.
#pragma once

#include <gtest/gtest.h>

#include <random>
#include <string>

#include "server/grammar/compile.h"

namespace leankv::test {

struct WalkedText {
  std::string text;
  bool ended = false;  // the grammar allowed the end and the walk took it
};

// Draws allowed tokens. Beyond `patience` tokens it takes the shortest way that it finds: a token that closes
// something.
inline WalkedText walk(const std::shared_ptr<const Grammar>& grammar, unsigned seed, int most_tokens,
                       int patience = 60) {
  std::mt19937 random(seed);
  GrammarMask mask(grammar);
  const TokenTree& tree = grammar->tokens();
  WalkedText walked;
  for (int step = 0; step < most_tokens; ++step) {
    std::vector<uint64_t> allowed(std::size_t(tree.tokens() + 63) / 64);
    mask.allow(allowed);
    std::vector<int> tokens, closing;
    for (int t = 0; t < tree.tokens(); ++t) {
      if ((allowed[t / 64] >> (t % 64) & 1) == 0) continue;
      tokens.push_back(t);
      if (std::string_view("\"]},").find(tree.bytes(t).substr(0, 1)) != std::string_view::npos) closing.push_back(t);
    }
    EXPECT_FALSE(tokens.empty()) << walked.text;
    if (tokens.empty()) return walked;
    const bool may_end = mask.complete();
    if (may_end && (step > patience || tokens.size() == tree.end_tokens().size() || random() % 4 == 0)) {
      walked.ended = true;
      return walked;
    }
    std::erase_if(tokens, [&](int t) { return tree.bytes(t).empty(); });
    if (tokens.empty()) return walked;
    const std::vector<int>& from = step > patience && !closing.empty() ? closing : tokens;
    const int token = from[random() % from.size()];
    walked.text += tree.bytes(token);
    mask.accept(token);
  }
  return walked;
}

}  // namespace leankv::test
