#include "model/jinja/expression_parser.h"

#include <algorithm>

#include "base/error.h"
#include "model/jinja/library.h"

namespace leankv::jinja {
namespace {

template <class Operator>
struct OperatorRow {
  std::string_view text;
  Operator op;
};

constexpr OperatorRow<BinaryOperator> kSums[] = {{"+", BinaryOperator::kAdd}, {"-", BinaryOperator::kSubtract}};
constexpr OperatorRow<BinaryOperator> kProducts[] = {{"*", BinaryOperator::kMultiply},
                                                     {"/", BinaryOperator::kDivide},
                                                     {"//", BinaryOperator::kFloorDivide},
                                                     {"%", BinaryOperator::kModulo}};
constexpr OperatorRow<Comparison> kComparisons[] = {{"==", Comparison::kEqual},  {"!=", Comparison::kNotEqual},
                                                    {"<", Comparison::kLess},    {"<=", Comparison::kLessEqual},
                                                    {">", Comparison::kGreater}, {">=", Comparison::kGreaterEqual}};

template <class Operator, std::size_t N>
const OperatorRow<Operator>* find_operator(const OperatorRow<Operator> (&rows)[N], const Token& token) {
  if (token.kind != TokenKind::kOperator) return nullptr;
  const auto row = std::ranges::find(rows, token.text, &OperatorRow<Operator>::text);
  return row == std::end(rows) ? nullptr : &*row;
}

bool begins_test_argument(const TokenReader& tokens) {
  switch (tokens.now().kind) {
    case TokenKind::kString:
    case TokenKind::kInteger:
    case TokenKind::kFloat:
      return true;
    case TokenKind::kName:
      return !tokens.is_name("else") && !tokens.is_name("or") && !tokens.is_name("and");
    default:
      return tokens.is_operator("[") || tokens.is_operator("{");
  }
}

}  // namespace

ExpressionPtr ExpressionParser::parse() {
  const NestingGuard guard(nesting_, tokens_.line());
  ExpressionPtr value = parse_or();
  while (tokens_.is_name("if")) {
    const int line = tokens_.next().line;
    ExpressionPtr condition = parse_or();
    ExpressionPtr otherwise = tokens_.skip_name("else") ? parse() : nullptr;
    const int height = std::max({height_of(value), height_of(condition), height_of(otherwise)});
    value = make(line, height, Conditional{std::move(condition), std::move(value), std::move(otherwise)});
  }
  return value;
}

ExpressionPtr ExpressionParser::parse_tuple(bool with_conditional) {
  const Parse element = with_conditional ? &ExpressionParser::parse : &ExpressionParser::parse_or;
  const int line = tokens_.line();
  ExpressionPtr first = (this->*element)();
  if (!tokens_.is_operator(",")) return first;
  std::vector<ExpressionPtr> items;
  items.push_back(std::move(first));
  while (tokens_.skip_operator(",")) {
    if (tokens_.is(TokenKind::kBlockEnd) || tokens_.is(TokenKind::kVariableEnd) || tokens_.is_operator(")")) break;
    items.push_back((this->*element)());
  }
  const int height = height_of(items);
  return make(line, height, Sequence{std::move(items), Kind::kTuple});
}

ExpressionPtr ExpressionParser::parse_or() {
  ExpressionPtr left = parse_and();
  while (tokens_.is_name("or")) {
    const int line = tokens_.next().line;
    ExpressionPtr right = parse_and();
    const int height = std::max(height_of(left), height_of(right));
    left = make(line, height, Logical{false, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_and() {
  ExpressionPtr left = parse_not();
  while (tokens_.is_name("and")) {
    const int line = tokens_.next().line;
    ExpressionPtr right = parse_not();
    const int height = std::max(height_of(left), height_of(right));
    left = make(line, height, Logical{true, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_not() {
  if (!tokens_.is_name("not")) return parse_comparison();
  const NestingGuard guard(nesting_, tokens_.line());
  const int line = tokens_.next().line;
  ExpressionPtr operand = parse_not();
  const int height = height_of(operand);
  return make(line, height, Unary{UnaryOperator::kNot, std::move(operand)});
}

bool ExpressionParser::parse_comparison_operator(Comparison& op) {
  if (const auto* row = find_operator(kComparisons, tokens_.now())) {
    tokens_.next();
    op = row->op;
    return true;
  }
  if (tokens_.skip_name("in")) {
    op = Comparison::kIn;
    return true;
  }
  if (tokens_.is_name("not") && tokens_.ahead(1).kind == TokenKind::kName && tokens_.ahead(1).text == "in") {
    tokens_.next(), tokens_.next();
    op = Comparison::kNotIn;
    return true;
  }
  return false;
}

ExpressionPtr ExpressionParser::parse_comparison() {
  const int line = tokens_.line();
  ExpressionPtr first = parse_sum();
  std::vector<std::pair<Comparison, ExpressionPtr>> rest;
  int height = height_of(first);
  for (Comparison op; parse_comparison_operator(op);) {
    rest.emplace_back(op, parse_sum());
    height = std::max(height, height_of(rest.back().second));
  }
  if (rest.empty()) return first;
  return make(line, height, Compare{std::move(first), std::move(rest)});
}

ExpressionPtr ExpressionParser::parse_sum() {
  ExpressionPtr left = parse_concatenation();
  while (const auto* row = find_operator(kSums, tokens_.now())) {
    const int line = tokens_.next().line;
    ExpressionPtr right = parse_concatenation();
    const int height = std::max(height_of(left), height_of(right));
    left = make(line, height, Binary{row->op, std::move(left), std::move(right)});
  }
  return left;
}

ExpressionPtr ExpressionParser::parse_concatenation() {
  const int line = tokens_.line();
  std::vector<ExpressionPtr> parts;
  do parts.push_back(parse_product());
  while (tokens_.skip_operator("~"));
  if (parts.size() == 1) return std::move(parts[0]);
  const int height = height_of(parts);
  return make(line, height, Concatenation{std::move(parts)});
}

ExpressionPtr ExpressionParser::parse_product() {
  ExpressionPtr left = parse_unary();
  while (const auto* row = find_operator(kProducts, tokens_.now())) {
    const int line = tokens_.next().line;
    ExpressionPtr right = parse_unary();
    const int height = std::max(height_of(left), height_of(right));
    left = make(line, height, Binary{row->op, std::move(left), std::move(right)});
  }
  if (tokens_.is_operator("**")) fail_unknown(tokens_.line(), "operator", "**", "+ - * / // % ~");
  return left;
}

ExpressionPtr ExpressionParser::parse_unary(bool with_filters) {
  const int line = tokens_.line();
  ExpressionPtr value;
  if (tokens_.is_operator("-") || tokens_.is_operator("+")) {
    const NestingGuard guard(nesting_, line);
    const UnaryOperator op = tokens_.next().text == "-" ? UnaryOperator::kMinus : UnaryOperator::kPlus;
    ExpressionPtr operand = parse_unary(false);
    const int height = height_of(operand);
    value = make(line, height, Unary{op, std::move(operand)});
  } else {
    value = parse_primary();
  }
  value = parse_postfix(std::move(value));
  return with_filters ? parse_filters_and_tests(std::move(value)) : std::move(value);
}

ExpressionPtr ExpressionParser::parse_postfix(ExpressionPtr object) {
  while (true) {
    if (tokens_.is_operator("."))
      object = parse_attribute(std::move(object));
    else if (tokens_.is_operator("["))
      object = parse_subscript(std::move(object));
    else if (tokens_.is_operator("("))
      object = parse_call(std::move(object));
    else
      return object;
  }
}

ExpressionPtr ExpressionParser::parse_attribute(ExpressionPtr object) {
  const int line = tokens_.next().line;
  const int height = height_of(object);
  if (tokens_.is(TokenKind::kInteger)) {
    ExpressionPtr index = parse_number();
    return make(line, height, Index{std::move(object), std::move(index)});
  }
  const std::string name = tokens_.expect(TokenKind::kName, "a name after \".\"").text;
  if (tokens_.is_operator("(") && !is_method(name)) fail_unknown(line, "method", name, method_names());
  return make(line, height, Attribute{std::move(object), name});
}

ExpressionPtr ExpressionParser::parse_subscript(ExpressionPtr object) {
  const int line = tokens_.next().line;
  const auto ends_part = [&] { return tokens_.is_operator(":") || tokens_.is_operator("]"); };
  ExpressionPtr start = ends_part() ? nullptr : parse();
  if (start && tokens_.skip_operator("]")) {
    const int height = std::max(height_of(object), height_of(start));
    return make(line, height, Index{std::move(object), std::move(start)});
  }
  tokens_.expect_operator(":");
  ExpressionPtr stop = ends_part() ? nullptr : parse();
  ExpressionPtr step = tokens_.skip_operator(":") && !ends_part() ? parse() : nullptr;
  tokens_.expect_operator("]");
  const int height = std::max({height_of(object), height_of(start), height_of(stop), height_of(step)});
  return make(line, height, Slice{std::move(object), std::move(start), std::move(stop), std::move(step)});
}

ExpressionPtr ExpressionParser::parse_call(ExpressionPtr callee) {
  const int line = tokens_.line();
  if (const Name* name = std::get_if<Name>(&callee->node)) called_.emplace_back(name->name, line);
  CallArguments arguments = parse_arguments();
  const int height = std::max(height_of(callee), height_of(arguments));
  return make(line, height, Call{std::move(callee), std::move(arguments)});
}

CallArguments ExpressionParser::parse_arguments() {
  CallArguments arguments;
  tokens_.expect_operator("(");
  for (bool first = true; !tokens_.skip_operator(")"); first = false) {
    if (!first) tokens_.expect_operator(",");
    if (tokens_.skip_operator(")")) break;
    if (tokens_.is_operator("*") || tokens_.is_operator("**")) {
      fail_unknown(tokens_.line(), "argument form", tokens_.now().text, "value, name=value");
    }
    const bool is_named =
        tokens_.is(TokenKind::kName) && tokens_.ahead(1).kind == TokenKind::kOperator && tokens_.ahead(1).text == "=";
    if (is_named) {
      std::string name = tokens_.next().text;
      tokens_.next();
      arguments.named.emplace_back(std::move(name), parse());
    } else {
      if (!arguments.named.empty()) fail_syntax(tokens_.line(), "an argument without a name behind one with a name");
      arguments.positional.push_back(parse());
    }
  }
  return arguments;
}

ExpressionPtr ExpressionParser::parse_filter(ExpressionPtr object) {
  const Token name = tokens_.expect(TokenKind::kName, "the name of a filter");
  const FilterRow* filter = find_filter(name.text);
  if (filter == nullptr) fail_unknown(name.line, "filter", name.text, filter_names());
  CallArguments arguments;
  if (tokens_.is_operator("(")) arguments = parse_arguments();
  const int height = std::max(height_of(object), height_of(arguments));
  return make(name.line, height, Filter{std::move(object), filter, std::move(arguments)});
}

ExpressionPtr ExpressionParser::parse_filters(ExpressionPtr object) {
  while (tokens_.skip_operator("|")) object = parse_filter(std::move(object));
  return object;
}

ExpressionPtr ExpressionParser::parse_test(ExpressionPtr object) {
  const bool is_negated = tokens_.skip_name("not");
  const Token name = tokens_.expect(TokenKind::kName, "the name of a test");
  const TestRow* test = find_test(name.text);
  if (test == nullptr) fail_unknown(name.line, "test", name.text, test_names());
  CallArguments arguments;
  if (tokens_.is_operator("(")) {
    arguments = parse_arguments();
  } else if (begins_test_argument(tokens_)) {
    if (tokens_.is_name("is")) fail_syntax(tokens_.line(), "tests cannot be chained with \"is\"");
    arguments.positional.push_back(parse_postfix(parse_primary()));
  }
  const int height = std::max(height_of(object), height_of(arguments));
  return make(name.line, height, Test{std::move(object), test, is_negated, std::move(arguments)});
}

ExpressionPtr ExpressionParser::parse_filters_and_tests(ExpressionPtr object) {
  while (true) {
    if (tokens_.is_operator("|"))
      object = parse_filters(std::move(object));
    else if (tokens_.skip_name("is"))
      object = parse_test(std::move(object));
    else if (tokens_.is_operator("("))
      object = parse_call(std::move(object));
    else
      return object;
  }
}

}  // namespace leankv::jinja
