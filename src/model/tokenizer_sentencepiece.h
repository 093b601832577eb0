// Text to tokens as SentencePiece's byte pair encoding does it, from the pieces and scores that GGUF keeps: Llama 2,
// Mistral, TinyLlama. A space is U+2581; of all neighbours whose texts together are a piece, those of the best score
// merge first; a character without a piece is its bytes.
#pragma once

#include <array>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/tokenizer_merges.h"
#include "model/vocabulary.h"

namespace leankv {

// Read-only after construction, so usable from several threads, each with its own Scratch.
class SentencePieces {
 public:
  struct Scratch {
    MergeTable::Scratch merges;
    std::vector<int> characters;  // tokens of a text's characters and bytes
  };

  explicit SentencePieces(const Vocabulary& vocabulary);  // throws kBadFile for one that contradicts itself

  // What a token stands for in a text.
  static std::string bytes_of(const std::string& token, TokenType type);
  bool adds_space() const { return adds_space_; }                    // in front of a text, where it begins
  int byte_token(uint8_t byte) const { return byte_tokens_[byte]; }  // -1: none
  // Appends the tokens of a text; as the beginning of a text it gets the space that pieces of words begin with.
  void encode(std::string_view text, bool begins, Scratch& scratch, std::vector<int>& out) const;

 private:
  void add_merges(const Vocabulary& vocabulary);
  void add_bytes(std::string_view bytes, std::vector<int>& out) const;

  MergeTable merges_;
  std::unordered_map<char32_t, int> characters_;
  std::array<int, 256> byte_tokens_{};
  int unknown_ = -1;
  bool adds_space_ = true;
};

}  // namespace leankv
