// The bytes of all tokens as a tree, so that a grammar looks at a common beginning once.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer.h"

namespace leankv {

// Immutable. Control tokens have no bytes and are not in it.
class TokenTree {
 public:
  // In preorder: the descendants of entry i are i + 1 up to end.
  struct Entry {
    uint8_t byte;
    int32_t depth;  // bytes from the root, 1 of the first
    int32_t end;
    int32_t token;  // that ends here, -1: none
  };

  explicit TokenTree(const Tokenizer& tokenizer);

  std::span<const Entry> entries() const { return entries_; }
  int same_bytes(int token) const { return same_[token]; }  // another token with the same bytes, -1: none
  std::string_view bytes(int token) const { return tokenizer_.piece(token); }
  std::span<const int> end_tokens() const { return end_tokens_; }
  int tokens() const { return tokenizer_.size(); }
  int deepest() const { return deepest_; }  // bytes of the longest token

 private:
  void add(const std::vector<int>& sorted);

  const Tokenizer& tokenizer_;
  std::vector<Entry> entries_;
  std::vector<int> same_;  // [tokens]
  std::vector<int> end_tokens_;
  int deepest_ = 0;
};

}  // namespace leankv
