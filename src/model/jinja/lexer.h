// A chat template's source as tokens: text, and the words of its {{ expressions }} and {% statements %}.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leankv::jinja {

enum class TokenKind {
  kText,
  kBlockBegin,  // {%
  kBlockEnd,
  kVariableBegin,  // {{
  kVariableEnd,
  kName,
  kString,
  kInteger,
  kFloat,
  kOperator,
  kEnd,
};

struct Token {
  TokenKind kind;
  std::string text;  // of a string: its value
  int line;          // from 1
};

// With trim_blocks and lstrip_blocks on, as chat templates are written for. The last token is kEnd.
// Throws kBadFile, naming the line, for a source that is not well-formed.
std::vector<Token> tokenize(std::string_view source);

[[noreturn]] void fail_syntax(int line, const std::string& what);  // throws kBadFile

}  // namespace leankv::jinja
