// The tokens of a template, read one after the other.
#pragma once

#include <algorithm>
#include <string>
#include <string_view>
#include <vector>

#include "model/jinja/lexer.h"
#include "model/jinja/limits.h"

namespace leankv::jinja {

class TokenReader {
 public:
  explicit TokenReader(std::string_view source) : tokens_(tokenize(source)) {}

  const Token& now() const { return tokens_[at_]; }
  const Token& ahead(std::size_t n) const { return tokens_[std::min(at_ + n, tokens_.size() - 1)]; }
  int line() const { return now().line; }

  bool is(TokenKind kind) const { return now().kind == kind; }
  bool is(TokenKind kind, std::string_view text) const { return is(kind) && now().text == text; }
  bool is_operator(std::string_view text) const { return is(TokenKind::kOperator, text); }
  bool is_name(std::string_view text) const { return is(TokenKind::kName, text); }

  Token next() {
    Token token = now();
    if (token.kind != TokenKind::kEnd) ++at_;
    return token;
  }
  bool skip_operator(std::string_view text) { return skip(TokenKind::kOperator, text); }
  bool skip_name(std::string_view text) { return skip(TokenKind::kName, text); }

  Token expect(TokenKind kind, std::string_view what) {
    if (!is(kind)) fail_syntax(line(), "expected " + std::string(what) + ", found " + describe());
    return next();
  }
  void expect_operator(std::string_view text) {
    if (!skip_operator(text)) fail_syntax(line(), "expected \"" + std::string(text) + "\", found " + describe());
  }

  std::string describe() const {
    static constexpr std::string_view kNames[] = {"text", "{%", "%}", "{{", "}}"};
    if (is(TokenKind::kEnd)) return "the end of the template";
    if (now().kind <= TokenKind::kVariableEnd) return std::string(kNames[std::size_t(now().kind)]);
    return "\"" + now().text + "\"";
  }

 private:
  bool skip(TokenKind kind, std::string_view text) {
    if (!is(kind, text)) return false;
    ++at_;
    return true;
  }

  std::vector<Token> tokens_;
  std::size_t at_ = 0;
};

// Counts how deeply a recursive descent has gone. Throws kUnsupported beyond kMaxNesting.
class NestingGuard {
 public:
  NestingGuard(int& nesting, int line);
  ~NestingGuard() { --nesting_; }
  NestingGuard(const NestingGuard&) = delete;
  NestingGuard& operator=(const NestingGuard&) = delete;

 private:
  int& nesting_;
};

[[noreturn]] void fail_nesting(int line);
[[noreturn]] void fail_unknown(int line, std::string_view what, std::string_view name, std::string_view known);

}  // namespace leankv::jinja
