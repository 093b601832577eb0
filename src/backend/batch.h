// One step: rows of tokens from several sequences, computed together.
#pragma once

#include <span>
#include <vector>

namespace leankv {

using SlotId = int;

// The new tokens of one sequence. Rows of all entries follow each other in the matrices of the step.
struct BatchEntry {
  SlotId slot = 0;
  int first_row = 0;
  int rows = 0;
  int position = 0;  // of the first row in its sequence
};

// A view for one step. Invariant: entries cover [0, tokens.size()) in order, each slot at most once.
struct Batch {
  std::vector<int> tokens;
  std::vector<int> positions;
  std::vector<BatchEntry> entries;
  std::vector<int> logit_rows;  // rows whose logits are wanted, ascending

  int rows() const { return int(tokens.size()); }
  void add(SlotId slot, std::span<const int> new_tokens, int position) {
    entries.push_back({slot, rows(), int(new_tokens.size()), position});
    for (int t : new_tokens) tokens.push_back(t), positions.push_back(position++);
  }
};

}  // namespace leankv
