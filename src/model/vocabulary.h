// A model's tokens as its file lists them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "loader/gguf.h"

namespace leankv {

// GGUF's tokenizer.ggml.token_type.
enum class TokenType : int32_t { kNormal = 1, kUnknown = 2, kControl = 3, kUserDefined = 4, kUnused = 5, kByte = 6 };

struct Vocabulary {
  std::string model;                // "gpt2": byte-level byte pair encoding; "llama": SentencePiece's
  std::string pre;                  // the pre-tokeniser, see pre_tokenizer_names()
  std::vector<std::string> tokens;  // [size], in the byte alphabet; the place is the id
  std::vector<std::string> merges;  // "left right", best first
  std::vector<float> scores;        // [size] of a SentencePiece vocabulary: the highest merges first
  std::vector<int32_t> types;       // [size] TokenType, or empty: all normal
  int bos = -1;                     // ids, -1 when the file names none
  int eos = -1;
  int eot = -1;  // end of a turn
  bool add_bos = false;
  bool add_space_prefix = true;  // a text begins with a space (SentencePiece)

  bool is_sentencepiece() const { return model == "llama"; }
  TokenType type_of(std::size_t id) const { return types.empty() ? TokenType::kNormal : TokenType(types[id]); }
};

// Reads the keys tokenizer.ggml.*. Throws kBadFile when one is missing or of another type.
Vocabulary read_vocabulary(const GgufFile& file);

}  // namespace leankv
