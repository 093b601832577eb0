// What operators and subscripts do, as in Python. Each throws kBadRequest for operands that it does not take.
#pragma once

#include <optional>
#include <string_view>

#include "model/jinja/ast.h"
#include "model/jinja/runtime.h"

namespace leankv::jinja {

Value calculate(Runtime& runtime, BinaryOperator op, const Value& a, const Value& b);
Value negate(Runtime& runtime, const Value& a);
bool compare(Runtime& runtime, Comparison op, const Value& a, const Value& b);

Value get_attribute(Runtime& runtime, const Value& object, std::string_view name);  // object.name
Value get_item(Runtime& runtime, const Value& object, const Value& index);          // object[index]

struct SliceBounds {
  std::optional<int64_t> start, stop, step;
};
Value get_slice(Runtime& runtime, const Value& object, const SliceBounds& bounds);

}  // namespace leankv::jinja
