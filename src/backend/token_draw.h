// The choice of the next token from a row of logits, as it is asked of a backend (DenseOps::draw).
#pragma once

#include <cstdint>
#include <span>

#include "backend/draw_rules.h"

namespace leankv {

inline constexpr int kNoToken = -1;

// A view for one call.
struct TokenDraw {
  int row = 0;  // of the step's logits
  DrawRule rule;
  std::span<const LogitEdit> edits;   // each token once
  std::span<const uint64_t> allowed;  // [(tokens + 63) / 64] a bit per token that may come; empty: all
};

// Of equal logits the lower token comes first. kNoToken where none has a logit that is a number and is allowed.
int draw_token(std::span<const float> logits, const TokenDraw& draw);

}  // namespace leankv
