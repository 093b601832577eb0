// The expressions of a chat template, by recursive descent in Jinja's order of precedence.
#pragma once

#include <algorithm>
#include <string>
#include <utility>
#include <vector>

#include "model/jinja/ast.h"
#include "model/jinja/token_reader.h"

namespace leankv::jinja {

// Levels below and including an expression, 0 of none.
inline int height_of(const ExpressionPtr& e) { return e ? e->height : 0; }

inline int height_of(const std::vector<ExpressionPtr>& list) {
  int height = 0;
  for (const ExpressionPtr& e : list) height = std::max(height, height_of(e));
  return height;
}

inline int height_of(const CallArguments& arguments) {
  int height = height_of(arguments.positional);
  for (const auto& [name, e] : arguments.named) height = std::max(height, height_of(e));
  return height;
}

class ExpressionParser {
 public:
  ExpressionParser(TokenReader& tokens, int& nesting) : tokens_(tokens), nesting_(nesting) {}

  ExpressionPtr parse();     // with "a if b else c"
  ExpressionPtr parse_or();  // without: what a loop runs over, since its "if" is a filter
  ExpressionPtr parse_tuple(bool with_conditional = true);  // "a, b" is a tuple
  ExpressionPtr parse_filters(ExpressionPtr object);        // "| name(...)", any number, possibly none
  // Names called as functions, to be held against the macros when all are known: name and line.
  const std::vector<std::pair<std::string, int>>& called() const { return called_; }

 private:
  using Parse = ExpressionPtr (ExpressionParser::*)();

  template <class Node>
  ExpressionPtr make(int line, int height_below, Node node);
  ExpressionPtr parse_and();
  ExpressionPtr parse_not();
  ExpressionPtr parse_comparison();
  bool parse_comparison_operator(Comparison& op);
  ExpressionPtr parse_sum();
  ExpressionPtr parse_concatenation();
  ExpressionPtr parse_product();
  ExpressionPtr parse_unary(bool with_filters = true);
  ExpressionPtr parse_primary();
  ExpressionPtr parse_name();
  ExpressionPtr parse_string();
  ExpressionPtr parse_number();
  ExpressionPtr parse_parentheses();
  ExpressionPtr parse_list();
  ExpressionPtr parse_dict();
  ExpressionPtr parse_postfix(ExpressionPtr object);
  ExpressionPtr parse_attribute(ExpressionPtr object);
  ExpressionPtr parse_subscript(ExpressionPtr object);
  ExpressionPtr parse_call(ExpressionPtr callee);
  CallArguments parse_arguments();
  ExpressionPtr parse_filter(ExpressionPtr object);
  ExpressionPtr parse_test(ExpressionPtr object);
  ExpressionPtr parse_filters_and_tests(ExpressionPtr object);

  TokenReader& tokens_;
  int& nesting_;
  std::vector<std::pair<std::string, int>> called_;
};

template <class Node>
ExpressionPtr ExpressionParser::make(int line, int height_below, Node node) {
  if (height_below >= kMaxNesting) fail_nesting(line);
  return std::make_unique<Expression>(Expression{std::move(node), line, height_below + 1});
}

}  // namespace leankv::jinja
