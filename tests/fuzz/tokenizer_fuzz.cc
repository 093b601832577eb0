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

void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, std::size_t size) {
  static const leankv::Tokenizer tokenizers[] = {leankv::Tokenizer(vocabulary("smollm")),
                                                 leankv::Tokenizer(vocabulary("gpt-2")),
                                                 leankv::Tokenizer(vocabulary("llama-bpe"))};
  const std::string_view text(reinterpret_cast<const char*>(data), size);
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
