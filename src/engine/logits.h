// The logits of a step, where the backend has them.
#pragma once

#include <span>

#include "backend/dense_ops.h"

namespace leankv {

// A view, valid until the engine's next step.
class Logits {
 public:
  // known: tokens that have a name; rows may be longer.
  Logits(DenseOps& ops, ConstMatrix rows, int known) : ops_(&ops), rows_(rows), known_(known) {}

  int rows() const { return rows_.rows; }
  // Brings rows to where the host reads them; valid until the next call.
  ConstMatrix on_host() const { return on_host(0, rows_.rows); }
  ConstMatrix on_host(int first, int rows) const { return ops_->download(rows_.block(first, rows)); }

  // tokens[i] = what draws[i] chooses, kNoToken where there is none. Nothing but the tokens comes to the host.
  void draw(std::span<const TokenDraw> draws, std::span<int> tokens) const {
    ops_->draw({rows_.data, rows_.rows, known_, rows_.stride}, draws, tokens);
  }
  int draw(const TokenDraw& one) const {
    int token = kNoToken;
    draw({&one, 1}, {&token, 1});
    return token;
  }

 private:
  DenseOps* ops_;
  ConstMatrix rows_;
  int known_;
};

}  // namespace leankv
