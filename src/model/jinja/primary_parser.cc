// The parts of an expression without operators: names, literals, parentheses.
#include <algorithm>
#include <charconv>

#include "model/jinja/expression_parser.h"

namespace leankv::jinja {

ExpressionPtr ExpressionParser::parse_primary() {
  switch (tokens_.now().kind) {
    case TokenKind::kName:
      return parse_name();
    case TokenKind::kString:
      return parse_string();
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return parse_number();
    default:
      break;
  }
  if (tokens_.is_operator("(")) return parse_parentheses();
  if (tokens_.is_operator("[")) return parse_list();
  if (tokens_.is_operator("{")) return parse_dict();
  fail_syntax(tokens_.line(), "expected an expression, found " + tokens_.describe());
}

ExpressionPtr ExpressionParser::parse_name() {
  const Token name = tokens_.next();
  if (name.text == "true" || name.text == "True") return make(name.line, 0, Constant{Value::boolean(true)});
  if (name.text == "false" || name.text == "False") return make(name.line, 0, Constant{Value::boolean(false)});
  if (name.text == "none" || name.text == "None") return make(name.line, 0, Constant{Value::none()});
  return make(name.line, 0, Name{name.text});
}

// Neighbouring literals are one text, as in Python.
ExpressionPtr ExpressionParser::parse_string() {
  Token literal = tokens_.next();
  while (tokens_.is(TokenKind::kString)) literal.text += tokens_.next().text;
  return make(literal.line, 0, StringLiteral{std::move(literal.text)});
}

ExpressionPtr ExpressionParser::parse_number() {
  const Token token = tokens_.next();
  const char* const end = token.text.data() + token.text.size();
  if (token.kind == TokenKind::kInteger) {
    int64_t value = 0;
    if (std::from_chars(token.text.data(), end, value).ec != std::errc()) {
      fail_syntax(token.line, "the number " + token.text + " does not fit 64 bits");
    }
    return make(token.line, 0, Constant{Value::integer(value)});
  }
  double value = 0;
  if (std::from_chars(token.text.data(), end, value).ec != std::errc()) {
    fail_syntax(token.line, "the number " + token.text + " does not fit a double");
  }
  return make(token.line, 0, Constant{Value::number(value)});
}

ExpressionPtr ExpressionParser::parse_parentheses() {
  const int line = tokens_.next().line;
  if (tokens_.skip_operator(")")) return make(line, 0, Sequence{{}, Kind::kTuple});
  ExpressionPtr value = parse_tuple();
  tokens_.expect_operator(")");
  return value;
}

ExpressionPtr ExpressionParser::parse_list() {
  const int line = tokens_.next().line;
  std::vector<ExpressionPtr> items;
  while (!tokens_.skip_operator("]")) {
    if (!items.empty()) tokens_.expect_operator(",");
    if (tokens_.skip_operator("]")) break;
    items.push_back(parse());
  }
  const int height = height_of(items);
  return make(line, height, Sequence{std::move(items), Kind::kList});
}

ExpressionPtr ExpressionParser::parse_dict() {
  const int line = tokens_.next().line;
  DictLiteral dict;
  int height = 0;
  while (!tokens_.skip_operator("}")) {
    if (!dict.entries.empty()) tokens_.expect_operator(",");
    if (tokens_.skip_operator("}")) break;
    ExpressionPtr key = parse();
    tokens_.expect_operator(":");
    dict.entries.emplace_back(std::move(key), parse());
    height = std::max({height, height_of(dict.entries.back().first), height_of(dict.entries.back().second)});
  }
  return make(line, height, std::move(dict));
}

}  // namespace leankv::jinja
