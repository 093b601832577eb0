#include "model/jinja/evaluator.h"

#include "model/jinja/library.h"
#include "model/jinja/limits.h"
#include "model/jinja/operators.h"

namespace leankv::jinja {

DepthGuard::DepthGuard(Runtime& runtime, int& depth) : depth_(depth) {
  if (depth_ >= kMaxDepth) runtime.fail("deeper than " + std::to_string(kMaxDepth) + " levels (the limit)");
  ++depth_;
}

Value Evaluator::evaluate(const Expression& expression, Scope& scope) {
  const DepthGuard guard(runtime_, depth_);
  runtime_.charge_steps(1);
  runtime_.set_line(expression.line);
  return std::visit([&](const auto& node) { return value_of(node, scope); }, expression.node);
}

Arguments Evaluator::arguments(const CallArguments& arguments, Scope& scope) {
  Arguments values;
  for (const ExpressionPtr& e : arguments.positional) values.positional.push_back(evaluate(*e, scope));
  for (const auto& [name, e] : arguments.named) values.named.emplace_back(name, evaluate(*e, scope));
  return values;
}

Value Evaluator::filter_block(const Expression& filters, const Value& text, Scope& scope) {
  block_text_ = text;
  return evaluate(filters, scope);
}

Value Evaluator::call(const Value& callee, const Arguments& arguments) {
  switch (callee.kind) {
    case Kind::kMacro:
      return macros_.call_macro(*std::get<const Macro*>(callee.data), arguments);
    case Kind::kFunction:
      return std::get<const FunctionRow*>(callee.data)->call(runtime_, arguments);
    case Kind::kMethod: {
      const BoundMethod& bound = *std::get<const BoundMethod*>(callee.data);
      return bound.method->call(runtime_, bound.object, arguments);
    }
    case Kind::kUndefined:
      runtime_.fail("'" + std::string(callee.text()) + "' is undefined, so it cannot be called");
    default:
      runtime_.fail(std::string(kind_name(callee)) + " cannot be called");
  }
}

Value Evaluator::value_of(const StringLiteral& node, Scope&) { return Value::string(node.text); }
Value Evaluator::value_of(const Constant& node, Scope&) { return node.value; }

// From the inside out, then what the request says, then the functions.
Value Evaluator::value_of(const Name& node, Scope& scope) {
  for (const Scope* s = &scope; s != nullptr; s = s->parent) {
    if (const Value* found = s->variables.find(node.name)) return *found;
  }
  if (const Value* found = context_.dict().find(node.name)) return *found;
  if (const FunctionRow* function = find_function(node.name)) return {Kind::kFunction, function};
  return Value::undefined(node.name);
}

Value Evaluator::value_of(const Sequence& node, Scope& scope) {
  std::vector<Value> items;
  for (const ExpressionPtr& e : node.items) items.push_back(evaluate(*e, scope));
  return runtime_.list(std::move(items), node.kind);
}

Value Evaluator::value_of(const DictLiteral& node, Scope& scope) {
  Dict dict;
  for (const auto& [key_expression, value] : node.entries) {
    const Value key = evaluate(*key_expression, scope);
    if (!key.is(Kind::kString)) runtime_.fail("a mapping's keys must be strings, not " + std::string(kind_name(key)));
    dict.set(key.text(), evaluate(*value, scope));
  }
  return runtime_.dict(std::move(dict));
}

Value Evaluator::value_of(const Attribute& node, Scope& scope) {
  return get_attribute(runtime_, evaluate(*node.object, scope), node.name);
}

Value Evaluator::value_of(const Index& node, Scope& scope) {
  const Value object = evaluate(*node.object, scope);
  return get_item(runtime_, object, evaluate(*node.index, scope));
}

std::optional<int64_t> Evaluator::bound(const ExpressionPtr& e, Scope& scope) {
  if (!e) return std::nullopt;
  const Value value = evaluate(*e, scope);
  if (value.is(Kind::kNone)) return std::nullopt;
  if (!value.is_whole()) runtime_.fail("a slice needs whole numbers, not " + std::string(kind_name(value)));
  return value.whole();
}

Value Evaluator::value_of(const Slice& node, Scope& scope) {
  const Value object = evaluate(*node.object, scope);
  if (object.is(Kind::kUndefined)) return get_item(runtime_, object, Value::none());
  SliceBounds bounds;
  bounds.start = bound(node.start, scope);
  bounds.stop = bound(node.stop, scope);
  bounds.step = bound(node.step, scope);
  return get_slice(runtime_, object, bounds);
}

Value Evaluator::value_of(const Unary& node, Scope& scope) {
  const Value operand = evaluate(*node.operand, scope);
  if (node.op == UnaryOperator::kNot) return Value::boolean(!is_true(operand));
  if (node.op == UnaryOperator::kMinus) return negate(runtime_, operand);
  return calculate(runtime_, BinaryOperator::kAdd, operand, Value::integer(0));
}

Value Evaluator::value_of(const Binary& node, Scope& scope) {
  const Value left = evaluate(*node.left, scope);
  return calculate(runtime_, node.op, left, evaluate(*node.right, scope));
}

Value Evaluator::value_of(const Concatenation& node, Scope& scope) {
  std::string text;
  for (const ExpressionPtr& part : node.parts) runtime_.append(text, to_text(runtime_, evaluate(*part, scope)));
  return runtime_.string(std::move(text));
}

Value Evaluator::value_of(const Compare& node, Scope& scope) {
  Value left = evaluate(*node.first, scope);
  for (const auto& [op, expression] : node.rest) {
    const Value right = evaluate(*expression, scope);
    if (!compare(runtime_, op, left, right)) return Value::boolean(false);
    left = right;
  }
  return Value::boolean(true);
}

Value Evaluator::value_of(const Logical& node, Scope& scope) {
  const Value left = evaluate(*node.left, scope);
  return is_true(left) == node.is_and ? evaluate(*node.right, scope) : left;
}

Value Evaluator::value_of(const Conditional& node, Scope& scope) {
  if (is_true(evaluate(*node.condition, scope))) return evaluate(*node.then, scope);
  return node.otherwise ? evaluate(*node.otherwise, scope) : Value::undefined("the else of an inline if");
}

Value Evaluator::value_of(const Filter& node, Scope& scope) {
  const Value input = node.object ? evaluate(*node.object, scope) : block_text_;
  return node.filter->apply(runtime_, input, arguments(node.arguments, scope));
}

Value Evaluator::value_of(const Test& node, Scope& scope) {
  const Value input = evaluate(*node.object, scope);
  return Value::boolean(node.test->holds(runtime_, input, arguments(node.arguments, scope)) != node.is_negated);
}

Value Evaluator::value_of(const Call& node, Scope& scope) {
  const Value callee = evaluate(*node.callee, scope);
  return call(callee, arguments(node.arguments, scope));
}

}  // namespace leankv::jinja
