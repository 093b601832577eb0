#include "server/grammar/token_tree.h"

#include <algorithm>

namespace leankv {

TokenTree::TokenTree(const Tokenizer& tokenizer) : tokenizer_(tokenizer), same_(std::size_t(tokenizer.size()), -1) {
  std::vector<int> sorted;
  for (int id = 0; id < tokenizer.size(); ++id) {
    if (tokenizer.is_end_of_text(id)) {
      end_tokens_.push_back(id);
    } else if (!bytes(id).empty()) {
      sorted.push_back(id);
    }
  }
  std::ranges::sort(sorted, {}, [&](int id) { return bytes(id); });
  add(sorted);
}

// Sorted texts are a preorder: each adds the bytes that it does not share with the one before.
void TokenTree::add(const std::vector<int>& sorted) {
  std::vector<std::size_t> open;  // the entries on the path to the last one
  std::string_view last;
  const auto close_to = [&](std::size_t depth) {
    for (; open.size() > depth; open.pop_back()) entries_[open.back()].end = int32_t(entries_.size());
  };
  for (int id : sorted) {
    const std::string_view text = bytes(id);
    const auto shared = std::size_t(std::ranges::mismatch(last, text).in2 - text.begin());
    close_to(shared);
    for (std::size_t i = shared; i < text.size(); ++i) {
      open.push_back(entries_.size());
      entries_.push_back({uint8_t(text[i]), int32_t(i) + 1, 0, -1});
    }
    Entry& entry = entries_[open.back()];
    same_[id] = entry.token;
    entry.token = id;
    deepest_ = std::max(deepest_, int(text.size()));
    last = text;
  }
  close_to(0);
}

}  // namespace leankv
