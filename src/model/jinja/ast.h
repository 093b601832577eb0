// A chat template, parsed.
#pragma once

#include <memory>
#include <string>
#include <utility>
#include <variant>
#include <vector>

#include "model/jinja/value.h"

namespace leankv::jinja {

struct Scope;
struct FilterRow;
struct TestRow;
struct Expression;
struct Statement;
using ExpressionPtr = std::unique_ptr<Expression>;
using Block = std::vector<Statement>;

struct CallArguments {
  std::vector<ExpressionPtr> positional;
  std::vector<std::pair<std::string, ExpressionPtr>> named;
};

enum class UnaryOperator { kMinus, kPlus, kNot };
enum class BinaryOperator { kAdd, kSubtract, kMultiply, kDivide, kFloorDivide, kModulo };
enum class Comparison { kEqual, kNotEqual, kLess, kLessEqual, kGreater, kGreaterEqual, kIn, kNotIn };

struct StringLiteral {
  std::string text;
};
struct Constant {
  Value value;
};
struct Name {
  std::string name;
};
struct Sequence {
  std::vector<ExpressionPtr> items;
  Kind kind;
};  // kList or kTuple
struct DictLiteral {
  std::vector<std::pair<ExpressionPtr, ExpressionPtr>> entries;
};
struct Attribute {
  ExpressionPtr object;
  std::string name;
};
struct Index {
  ExpressionPtr object;
  ExpressionPtr index;
};
struct Slice {
  ExpressionPtr object;
  ExpressionPtr start, stop, step;
};  // the last three may be null
struct Unary {
  UnaryOperator op;
  ExpressionPtr operand;
};
struct Binary {
  BinaryOperator op;
  ExpressionPtr left, right;
};
struct Concatenation {
  std::vector<ExpressionPtr> parts;
};
struct Compare {
  ExpressionPtr first;
  std::vector<std::pair<Comparison, ExpressionPtr>> rest;
};
struct Logical {
  bool is_and;
  ExpressionPtr left, right;
};
struct Conditional {
  ExpressionPtr condition, then, otherwise;
};  // otherwise may be null
struct Filter {
  ExpressionPtr object;
  const FilterRow* filter;
  CallArguments arguments;
};  // object null: a block's text
struct Test {
  ExpressionPtr object;
  const TestRow* test;
  bool is_negated;
  CallArguments arguments;
};
struct Call {
  ExpressionPtr callee;
  CallArguments arguments;
};

struct Expression {
  std::variant<StringLiteral, Constant, Name, Sequence, DictLiteral, Attribute, Index, Slice, Unary, Binary,
               Concatenation, Compare, Logical, Conditional, Filter, Test, Call>
      node;
  int line;
  int height;  // levels below and including this one
};

struct Text {
  std::string text;
};
struct Output {
  ExpressionPtr value;
};
struct If {
  std::vector<std::pair<ExpressionPtr, Block>> branches;
  Block otherwise;
};
struct For {
  std::vector<std::string> targets;
  ExpressionPtr items;
  ExpressionPtr condition;
  Block body, otherwise;
};
struct Set {
  std::vector<std::string> targets;
  ExpressionPtr value;
};
struct SetAttribute {
  std::string name_space, attribute;
  ExpressionPtr value;
};
struct SetBlock {
  std::string target;
  ExpressionPtr filters;
  Block body;
};  // filters: of the text, or null
struct MacroNode {
  std::string name;
  std::vector<std::pair<std::string, ExpressionPtr>> parameters;
  Block body;
};
struct CallBlock {
  std::unique_ptr<MacroNode> caller;
  ExpressionPtr call;
};  // call is a Call
struct Scoped {
  Block body;
};  // a tag that changes nothing: generation
struct LoopControl {
  bool is_break;
};

struct Statement {
  std::variant<Text, Output, If, For, Set, SetAttribute, SetBlock, std::unique_ptr<MacroNode>, CallBlock, Scoped,
               LoopControl>
      node;
  int line;
};

// A macro with the variables around its definition.
struct Macro {
  const MacroNode* node;
  Scope* scope;
};

}  // namespace leankv::jinja
