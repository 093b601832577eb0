// Text to tokens and back: byte pair encoding, of bytes or of SentencePiece's characters.
#pragma once

#include <array>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "model/pre_tokenizer.h"
#include "model/tokenizer_merges.h"
#include "model/tokenizer_sentencepiece.h"
#include "model/tokenizer_specials.h"
#include "model/vocabulary.h"

namespace leankv {

// Read-only after construction, so usable from several threads.
//
// Invariants:
// 1. encode gives what the model's own tokeniser gives for valid UTF-8. A byte that is no part of a valid character is
//    a piece of its own. As there, a byte for which the vocabulary has no token is left out (has_byte tells).
// 2. decode(encode(text, false)) == text for every text of bytes that the vocabulary has; its composed form (NFC) where
//    the model's own tokeniser composes (qwen2), and with spaces for U+2581 in SentencePiece vocabularies.
class Tokenizer {
 public:
  // Throws kUnsupported for another kind of vocabulary or pre-tokeniser, kBadFile for one that contradicts itself.
  explicit Tokenizer(const Vocabulary& vocabulary);
  Tokenizer(Tokenizer&&) noexcept = default;
  Tokenizer& operator=(Tokenizer&&) noexcept = default;

  // parse_special: control tokens written in the text become these tokens; otherwise they are text like any other.
  // Adds no bos; see adds_bos. A SentencePiece vocabulary puts a space in front of a text and behind such tokens, as
  // models of its kind were trained, but not where the text goes on with another (begins = false).
  // Throws kBadRequest for a text above kMaxTextBytes.
  std::vector<int> encode(std::string_view text, bool parse_special, bool begins = true) const;
  // Raw bytes, so possibly parts of characters: Utf8Stream makes text of them. Control tokens are empty unless shown.
  // Leaves out the spaces that encode put in.
  std::string decode(std::span<const int> ids, bool show_control = false) const;
  std::string_view piece(int id, bool show_control = false) const;  // REQUIRES 0 <= id < size()

  int find(std::string_view bytes) const;  // the token with these bytes, -1 when none has
  bool has_byte(uint8_t byte) const { return byte_tokens_[byte] >= 0; }
  bool is_control(int id) const;
  bool is_end_of_text(int id) const;  // generation stops here
  int size() const { return int(pieces_.size()); }
  int bos() const { return bos_; }  // -1 when there is none
  int eos() const { return eos_; }
  // What a template writes for bos or eos; nothing for -1.
  std::string special_text(int id) const { return id < 0 ? std::string() : std::string(piece(id, true)); }
  bool adds_bos() const { return adds_bos_; }  // a prompt that is not from a chat template starts with bos

  static constexpr std::size_t kMaxTextBytes = std::size_t(1) << 30;  // places in a piece are int

 private:
  struct Scratch;
  void add_tokens(const Vocabulary& vocabulary);
  void add_merges(const Vocabulary& vocabulary);
  void encode_text(std::string_view text, bool begins, Scratch& scratch, std::vector<int>& out) const;
  void encode_bytes(std::string_view text, Scratch& scratch, std::vector<int>& out) const;
  void encode_valid(std::string_view text, Scratch& scratch, std::vector<int>& out) const;

  std::optional<SentencePieces> sentence_pieces_;  // or:
  std::optional<PreTokenizer> pre_tokenizer_;
  MergeTable merges_;
  SpecialTokens always_;                           // user-defined tokens, found in every text
  SpecialTokens with_control_;                     // these and the control tokens
  std::vector<std::string> pieces_;                // [size] bytes
  std::vector<TokenType> types_;                   // [size]
  std::vector<bool> ends_;                         // [size]
  std::array<int, 256> byte_tokens_{};             // [byte] id or -1
  std::unordered_map<std::string_view, int> ids_;  // by bytes, views into pieces_; normal tokens win
  int bos_ = -1;
  int eos_ = -1;
  bool adds_bos_ = false;
};

}  // namespace leankv
