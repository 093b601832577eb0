// Any bytes become tokens and come back as they were.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "model/tokenizer.h"
#include "model/tokenizer_alphabet.h"
#include "model/utf8.h"

namespace {

// All bytes, some merges within and across characters, and control tokens that begin alike.
leankv::Vocabulary vocabulary(const char* pre) {
  leankv::Vocabulary v;
  v.model = "gpt2";
  v.pre = pre;
  const auto token = [&](const std::string& bytes) {
    std::string text;
    for (char byte : bytes) leankv::append_utf8(text, leankv::byte_character(uint8_t(byte)));
    return text;
  };
  for (int byte = 0; byte < 256; ++byte) v.tokens.push_back(token(std::string(1, char(byte))));
  for (const auto& [left, right] : {std::pair<const char*, const char*>{"a", "a"},
                                    {"aa", "aa"},
                                    {"a", "b"},
                                    {"aa", "b"},
                                    {" ", "a"},
                                    {" ", " "},
                                    {"  ", "  "},
                                    {"\xC3", "\xA9"},
                                    {"\n", "\n"},
                                    {"1", "2"}}) {
    v.merges.push_back(token(left) + " " + token(right));
    v.tokens.push_back(token(std::string(left) + right));
  }
  v.types.assign(v.tokens.size(), int32_t(leankv::TokenType::kNormal));
  for (const char* control : {"<|a|>", "<|a|>b", "<|"}) {
    v.tokens.push_back(control);
    v.types.push_back(int32_t(leankv::TokenType::kControl));
  }
  return v;
}

// A SentencePiece vocabulary: words that begin with a space, spaces, letters of two bytes, and the bytes.
leankv::Vocabulary sentence_pieces() {
  leankv::Vocabulary v;
  v.model = "llama";
  const auto add = [&](const std::string& token, leankv::TokenType type) {
    v.scores.push_back(-float(v.tokens.size() / 2));  // two of each
    v.tokens.push_back(token);
    v.types.push_back(int32_t(type));
  };
  for (const char* piece :
       {"\u2581a", "aa", "ab", "\u2581\u2581", "aaaa", "\u00e9a", "\u2581", "a", "b", "\u00e9", "1"}) {
    add(piece, leankv::TokenType::kNormal);
  }
  for (int byte = 0; byte < 256; ++byte) {
    constexpr char kDigits[] = "0123456789ABCDEF";
    add({'<', '0', 'x', kDigits[byte / 16], kDigits[byte % 16], '>'}, leankv::TokenType::kByte);
  }
  for (const char* control : {"<s>", "<s>a", "<s"}) add(control, leankv::TokenType::kControl);
  return v;
}

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const leankv::Tokenizer tokenizers[] = {
      leankv::Tokenizer(vocabulary("smollm")),    leankv::Tokenizer(vocabulary("gpt-2")),
      leankv::Tokenizer(vocabulary("llama-bpe")), leankv::Tokenizer(vocabulary("deepseek-r1-qwen")),
      leankv::Tokenizer(vocabulary("tekken")),    leankv::Tokenizer(sentence_pieces())};
  static const leankv::Tokenizer composing(vocabulary("qwen2"));
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  require(!composing.decode(composing.encode(text, true), true).empty() || text.empty());
  if (text.find("\u2581") != text.npos) return 0;  // a space to SentencePiece
  for (const leankv::Tokenizer& tokenizer : tokenizers) {
    require(tokenizer.decode(tokenizer.encode(text, false)) == text);
    require(tokenizer.decode(tokenizer.encode(text, true), true) == text);
  }
  leankv::Utf8Stream whole, pieces;
  std::string printed;
  for (char byte : text) printed += pieces.push(std::string_view(&byte, 1));
  printed += pieces.flush();
  std::string expected = whole.push(text);
  require(printed == expected + whole.flush());
  return 0;
}
