// Cuts text into the pieces across which no two tokens merge. Which rules: tokenizer.ggml.pre names them.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "model/pre_tokenizer_regex.h"

namespace leankv {

class PreTokenizer {
 public:
  explicit PreTokenizer(std::string_view name);  // throws kUnsupported, listing what works

  // The text is brought into its composed form (NFC) first.
  bool composes() const { return composes_; }
  // A piece that is a token as a whole is that token, without going through the merges.
  bool prefers_whole_tokens() const { return prefers_whole_tokens_; }
  // In order, together exactly text. REQUIRES text is valid UTF-8.
  std::vector<std::string_view> split(std::string_view text, PreTokenizerRegex::Scratch& scratch) const;

 private:
  std::vector<PreTokenizerRegex> steps_;  // each cuts the pieces of the one before
  bool prefers_whole_tokens_ = false;
  bool composes_ = false;
};

std::string pre_tokenizer_names();  // "gpt-2, llama-bpe, ..."

}  // namespace leankv
