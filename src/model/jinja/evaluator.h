// Evaluates expressions.
#pragma once

#include <string_view>

#include "model/jinja/ast.h"
#include "model/jinja/runtime.h"

namespace leankv::jinja {

// Runs a macro; the interpreter of statements does it.
class MacroCaller {
 public:
  virtual ~MacroCaller() = default;
  virtual Value call_macro(const Macro& macro, const Arguments& arguments) = 0;
};

// Counts how deeply rendering has gone, through blocks, expressions and macros. Throws kBadRequest beyond kMaxDepth.
class DepthGuard {
 public:
  DepthGuard(Runtime& runtime, int& depth);
  ~DepthGuard() { --depth_; }
  DepthGuard(const DepthGuard&) = delete;
  DepthGuard& operator=(const DepthGuard&) = delete;

 private:
  int& depth_;
};

class Evaluator {
 public:
  Evaluator(Runtime& runtime, const Value& context, MacroCaller& macros, int& depth)
      : runtime_(runtime), context_(context), macros_(macros), depth_(depth) {}

  Value evaluate(const Expression& expression, Scope& scope);
  Arguments arguments(const CallArguments& arguments, Scope& scope);
  // Applies the filters of a block, whose innermost object is the block's text.
  Value filter_block(const Expression& filters, const Value& text, Scope& scope);
  Value call(const Value& callee, const Arguments& arguments);

 private:
  Value value_of(const StringLiteral& node, Scope& scope);
  Value value_of(const Constant& node, Scope& scope);
  Value value_of(const Name& node, Scope& scope);
  Value value_of(const Sequence& node, Scope& scope);
  Value value_of(const DictLiteral& node, Scope& scope);
  Value value_of(const Attribute& node, Scope& scope);
  Value value_of(const Index& node, Scope& scope);
  Value value_of(const Slice& node, Scope& scope);
  Value value_of(const Unary& node, Scope& scope);
  Value value_of(const Binary& node, Scope& scope);
  Value value_of(const Concatenation& node, Scope& scope);
  Value value_of(const Compare& node, Scope& scope);
  Value value_of(const Logical& node, Scope& scope);
  Value value_of(const Conditional& node, Scope& scope);
  Value value_of(const Filter& node, Scope& scope);
  Value value_of(const Test& node, Scope& scope);
  Value value_of(const Call& node, Scope& scope);
  std::optional<int64_t> bound(const ExpressionPtr& e, Scope& scope);

  Runtime& runtime_;
  const Value& context_;  // the variables of the request
  MacroCaller& macros_;
  int& depth_;
  Value block_text_;  // what a filter without object applies to
};

}  // namespace leankv::jinja
