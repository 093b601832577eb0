#include "model/jinja/lexer.h"

#include <algorithm>
#include <optional>

#include "base/error.h"
#include "model/jinja/limits.h"
#include "model/jinja/text.h"

namespace leankv::jinja {
namespace {

constexpr std::string_view kOperators[] = {"//", "**", "==", "!=", ">=", "<=", "+", "-", "*", "/", "%", "~", "(",
                                           ")",  "[",  "]",  "{",  "}",  ">",  "<", "=", ".", ",", ":", "|", ";"};

// Line ends become \n, and one at the end of the source goes (Jinja's keep_trailing_newline is off).
std::string normalise(std::string_view source) {
  std::string out;
  for (std::size_t i = 0; i < source.size(); ++i) {
    if (source[i] != '\r')
      out += source[i];
    else if (i + 1 == source.size() || source[i + 1] != '\n')
      out += '\n';
  }
  if (out.ends_with('\n')) out.pop_back();
  return out;
}

bool is_digit(char c) { return c >= '0' && c <= '9'; }
bool is_name_start(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_'; }
bool is_name_part(char c) { return is_name_start(c) || is_digit(c); }

class Lexer {
 public:
  explicit Lexer(std::string_view source) : source_(source) {}

  std::vector<Token> run() {
    while (at_ < source_.size()) lex_text();
    add(TokenKind::kEnd, "");
    return std::move(tokens_);
  }

 private:
  // A tag's first characters: "{%", and a sign that says what happens to the white space before it.
  struct Opening {
    std::size_t at;
    char kind;      // '%', '{' or '#'
    char sign = 0;  // '-', '+' or none
  };

  std::optional<Opening> find_opening() const {
    for (std::size_t i = at_; (i = source_.find('{', i)) != source_.npos; ++i) {
      const char kind = i + 1 < source_.size() ? source_[i + 1] : '\0';
      if (kind != '%' && kind != '{' && kind != '#') continue;
      const char sign = i + 2 < source_.size() ? source_[i + 2] : '\0';
      return Opening{i, kind, sign == '-' || sign == '+' ? sign : '\0'};
    }
    return std::nullopt;
  }

  // Text up to the next tag, and that tag.
  void lex_text() {
    const std::optional<Opening> opening = find_opening();
    if (!opening) {
      add(TokenKind::kText, source_.substr(at_));
      at_ = source_.size();
      return;
    }
    std::string_view text = source_.substr(at_, opening->at - at_);
    const std::string_view kept = strip_before(text, *opening);
    if (!kept.empty()) add(TokenKind::kText, kept);
    advance(opening->at + 2 + (opening->sign != 0 ? 1 : 0));
    if (opening->kind == '#')
      lex_comment();
    else if (opening->kind == '%')
      lex_tag(TokenKind::kBlockBegin, TokenKind::kBlockEnd, "%}");
    else
      lex_tag(TokenKind::kVariableBegin, TokenKind::kVariableEnd, "}}");
  }

  std::string_view strip_before(std::string_view text, const Opening& opening) const {
    if (opening.sign == '-') return strip(text, Side::kRight);
    if (opening.sign == '+' || opening.kind == '{') return text;
    const std::size_t newline = text.rfind('\n');
    const std::size_t line = newline == text.npos ? 0 : newline + 1;
    if (line == 0 && !line_starts_) return text;
    return strip(text.substr(line)).empty() ? text.substr(0, line) : text;
  }

  void lex_comment() {
    const std::size_t end = source_.find("#}", at_);
    if (end == source_.npos) fail_syntax(line_, "a comment {# is not closed by #}");
    const char sign = end > at_ ? source_[end - 1] : '\0';
    close(end + 2, sign, true);
  }

  void lex_tag(TokenKind begin, TokenKind end, std::string_view closing) {
    add(begin, "");
    const int first_line = line_;
    int brackets = 0;
    while (true) {
      skip_space();
      if (at_ >= source_.size()) fail_syntax(first_line, "a tag is not closed by " + std::string(closing));
      if (brackets == 0 && try_close(end, closing)) return;
      lex_word(brackets);
    }
  }

  bool try_close(TokenKind end, std::string_view closing) {
    const char c = source_[at_];
    const bool is_block = end == TokenKind::kBlockEnd;
    const bool has_sign = (c == '-' || (is_block && c == '+')) && source_.substr(at_ + 1).starts_with(closing);
    if (!has_sign && !source_.substr(at_).starts_with(closing)) return false;
    add(end, "");
    close(at_ + closing.size() + (has_sign ? 1 : 0), has_sign ? c : '\0', is_block);
    return true;
  }

  // Behind a tag: - takes all white space, a block or comment takes one line end, + takes nothing.
  void close(std::size_t end, char sign, bool trims) {
    std::size_t next = end;
    if (sign == '-')
      next = source_.size() - strip(source_.substr(end), Side::kLeft).size();
    else if (sign != '+' && trims && source_.substr(end).starts_with('\n'))
      next = end + 1;
    advance(next);
    line_starts_ = source_[next - 1] == '\n';
  }

  void lex_word(int& brackets) {
    const char c = source_[at_];
    if (c == '"' || c == '\'') return lex_string(c);
    if (is_digit(c)) return lex_number();
    if (is_name_start(c)) return take(TokenKind::kName, length_while(is_name_part));
    for (std::string_view op : kOperators) {
      if (!source_.substr(at_).starts_with(op)) continue;
      // Inside brackets "}}" closes two of them.
      if (std::string_view("([{").find(op) != std::string_view::npos) ++brackets;
      if (std::string_view(")]}").find(op) != std::string_view::npos && --brackets < 0) {
        fail_syntax(line_, "unexpected \"" + std::string(op) + "\"");
      }
      return take(TokenKind::kOperator, op.size());
    }
    fail_syntax(line_, "unexpected character \"" + std::string(1, c) + "\"");
  }

  void lex_string(char quote) {
    const int first_line = line_;
    std::size_t end = at_ + 1;
    while (end < source_.size() && source_[end] != quote) end += source_[end] == '\\' ? 2 : 1;
    if (end >= source_.size()) fail_syntax(first_line, "a string is not closed");
    add(TokenKind::kString, unescape(source_.substr(at_ + 1, end - at_ - 1)));
    advance(end + 1);
  }

  void lex_number() {
    std::size_t size = length_while(is_digit);
    const auto digit_at = [&](std::size_t i) { return at_ + i < source_.size() && is_digit(source_[at_ + i]); };
    bool is_float = false;
    if (at_ + size < source_.size() && source_[at_ + size] == '.' && digit_at(size + 1)) {
      is_float = true;
      for (++size; digit_at(size);) ++size;
    }
    if (at_ + size < source_.size() && (source_[at_ + size] | 0x20) == 'e') {
      const std::size_t sign =
          at_ + size + 1 < source_.size() && (source_[at_ + size + 1] == '-' || source_[at_ + size + 1] == '+');
      if (digit_at(size + 1 + sign)) {
        is_float = true;
        for (size += 1 + sign; digit_at(size);) ++size;
      }
    }
    take(is_float ? TokenKind::kFloat : TokenKind::kInteger, size);
  }

  std::size_t length_while(bool (*belongs)(char)) const {
    std::size_t size = 0;
    while (at_ + size < source_.size() && belongs(source_[at_ + size])) ++size;
    return size;
  }

  void skip_space() {
    advance(at_ + length_while([](char c) { return c == ' ' || (c >= '\t' && c <= '\r'); }));
  }
  void add(TokenKind kind, std::string_view text) { tokens_.push_back({kind, std::string(text), line_}); }
  void take(TokenKind kind, std::size_t size) {
    add(kind, source_.substr(at_, size));
    advance(at_ + size);
  }
  void advance(std::size_t to) {
    line_ += int(std::count(source_.begin() + std::ptrdiff_t(at_), source_.begin() + std::ptrdiff_t(to), '\n'));
    at_ = to;
    line_starts_ = false;
  }

  std::string_view source_;
  std::size_t at_ = 0;
  int line_ = 1;
  bool line_starts_ = true;  // the last tag took the line end behind it
  std::vector<Token> tokens_;
};

}  // namespace

void fail_syntax(int line, const std::string& what) {
  throw Error(ErrorKind::kBadFile, "chat template, line " + std::to_string(line) + ": " + what);
}

std::vector<Token> tokenize(std::string_view source) {
  if (source.size() > kMaxSourceBytes) {
    throw Error(ErrorKind::kUnsupported, "chat template of " + std::to_string(source.size()) + " bytes; the limit is " +
                                             std::to_string(kMaxSourceBytes));
  }
  const std::string normal = normalise(source);
  return Lexer(normal).run();
}

}  // namespace leankv::jinja
