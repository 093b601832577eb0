// Finds the tokens that stand in the text as such: "<|im_end|>".
#pragma once

#include <optional>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace leankv {

// A tree of bytes. A search looks at no more than the longest token's bytes per byte of text.
class SpecialTokens {
 public:
  struct Match {
    std::size_t begin;  // [bytes]
    std::size_t size;   // [bytes]
    int id;
  };

  void add(std::string_view text, int id);                                   // an empty text is never found
  std::optional<Match> find(std::string_view text, std::size_t from) const;  // the leftmost, of these the longest

 private:
  struct Node {
    std::unordered_map<char, std::size_t> next;
    int id = -1;
  };
  std::optional<Match> longest_at(std::string_view text, std::size_t begin) const;

  std::vector<Node> nodes_{1};
};

}  // namespace leankv
