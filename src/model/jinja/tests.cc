#include "model/jinja/library.h"
#include "model/jinja/operators.h"

namespace leankv::jinja {
namespace {

template <bool (*kHolds)(const Value&)>
bool simple(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "this test", {});
  return kHolds(input);
}

template <Comparison kComparison>
bool compared(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "this test", {"other"});
  if (!args[0]) r.fail("this test needs a value to compare with");
  return compare(r, kComparison, input, *args[0]);
}

bool is_defined(const Value& v) { return !v.is(Kind::kUndefined); }
bool is_undefined(const Value& v) { return v.is(Kind::kUndefined); }
bool is_none(const Value& v) { return v.is(Kind::kNone); }
bool is_string(const Value& v) { return v.is(Kind::kString); }
bool is_number(const Value& v) { return v.is_number(); }
bool is_integer(const Value& v) { return v.is(Kind::kInteger); }
bool is_float(const Value& v) { return v.is(Kind::kFloat); }
bool is_boolean(const Value& v) { return v.is(Kind::kBool); }
bool is_true_itself(const Value& v) { return v.is(Kind::kBool) && is_true(v); }
bool is_false_itself(const Value& v) { return v.is(Kind::kBool) && !is_true(v); }
bool is_mapping(const Value& v) { return v.is(Kind::kDict); }
bool is_callable(const Value& v) { return v.is(Kind::kMacro) || v.is(Kind::kMethod) || v.is(Kind::kFunction); }

// Python's len and subscripts: a text and a mapping have both.
bool is_sequence(const Value& v) {
  return v.is(Kind::kList) || v.is(Kind::kTuple) || v.is(Kind::kString) || v.is(Kind::kDict);
}
bool is_iterable(const Value& v) {
  return is_sequence(v) || v.is(Kind::kGenerator) || v.is(Kind::kUndefined) || v.is(Kind::kLoop);
}

template <int kRest>
bool has_rest(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "this test", {});
  return is_equal(calculate(r, BinaryOperator::kModulo, input, Value::integer(2)), Value::integer(kRest));
}

bool is_divisible(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "divisibleby", {"num"});
  if (!args[0]) r.fail("divisibleby needs a number");
  return is_equal(calculate(r, BinaryOperator::kModulo, input, *args[0]), Value::integer(0));
}

constexpr TestRow kTests[] = {
    {"boolean", simple<is_boolean>},
    {"callable", simple<is_callable>},
    {"defined", simple<is_defined>},
    {"divisibleby", is_divisible},
    {"eq", compared<Comparison::kEqual>},
    {"equalto", compared<Comparison::kEqual>},
    {"even", has_rest<0>},
    {"false", simple<is_false_itself>},
    {"float", simple<is_float>},
    {"ge", compared<Comparison::kGreaterEqual>},
    {"gt", compared<Comparison::kGreater>},
    {"in", compared<Comparison::kIn>},
    {"integer", simple<is_integer>},
    {"iterable", simple<is_iterable>},
    {"le", compared<Comparison::kLessEqual>},
    {"lt", compared<Comparison::kLess>},
    {"mapping", simple<is_mapping>},
    {"ne", compared<Comparison::kNotEqual>},
    {"none", simple<is_none>},
    {"number", simple<is_number>},
    {"odd", has_rest<1>},
    {"sequence", simple<is_sequence>},
    {"string", simple<is_string>},
    {"true", simple<is_true_itself>},
    {"undefined", simple<is_undefined>},
};

}  // namespace

const TestRow* find_test(std::string_view name) { return find_row(kTests, name); }
std::string test_names() { return row_names(kTests); }

}  // namespace leankv::jinja
