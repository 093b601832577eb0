// Text around what a suite hides: sentences of a file or of the text that the program has with it.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "model/tokenizer.h"

namespace leankv {

// Cut behind '.', '!', '?' and their closing quotes where a blank follows, and before line breaks; put together they
// are the text.
std::vector<std::string_view> split_sentences(std::string_view text);

// A ring of sentences as tokens.
class Filler {
 public:
  // Throws kBadFile where the text has no sentence. name: what the error calls it.
  Filler(const Tokenizer& tokenizer, std::string_view text, const std::string& name);

  int sentences() const { return int(starts_.size()) - 1; }

  // `tokens` tokens from a sentence's beginning on, round the ring where they must, and where sentences begin in them.
  struct Piece {
    std::vector<int> tokens;
    std::vector<int> places;  // ascending, 0 and tokens.size() among them
  };
  Piece piece(int first_sentence, int tokens) const;

 private:
  std::vector<int> tokens_;
  std::vector<int> starts_;  // [sentences + 1] in tokens_
};

// The place nearest to a share of the tokens; of equal ones the first.
int place_at(const Filler::Piece& piece, double share);

// --text, or the text that the program has with it.
std::string filler_text(const std::string& path);

}  // namespace leankv
