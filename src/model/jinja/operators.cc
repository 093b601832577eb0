#include "model/jinja/operators.h"

#include <algorithm>
#include <cmath>

#include "model/jinja/limits.h"
#include "model/jinja/text.h"

namespace leankv::jinja {
namespace {

[[noreturn]] void fail_operands(const Runtime& runtime, std::string_view op, const Value& a, const Value& b) {
  for (const Value& v : {a, b}) {
    if (v.is(Kind::kUndefined)) runtime.fail("'" + std::string(v.text()) + "' is undefined");
  }
  runtime.fail("\"" + std::string(op) + "\" does not take " + std::string(kind_name(a)) + " and " +
               std::string(kind_name(b)));
}

Value whole_or_fail(const Runtime& runtime, bool overflows, int64_t value) {
  if (overflows) runtime.fail("a whole number does not fit 64 bits");
  return Value::integer(value);
}

Value add(Runtime& runtime, const Value& a, const Value& b) {
  if (a.is_whole() && b.is_whole()) {
    int64_t sum = 0;
    const bool overflows = __builtin_add_overflow(a.whole(), b.whole(), &sum);
    return whole_or_fail(runtime, overflows, sum);
  }
  if (a.is_number() && b.is_number()) return Value::number(a.real() + b.real());
  if (a.is(Kind::kString) && b.is(Kind::kString)) {
    runtime.charge_bytes(a.text().size() + b.text().size());
    return runtime.string(std::string(a.text()) + std::string(b.text()));
  }
  if (a.kind == b.kind && (a.is(Kind::kList) || a.is(Kind::kTuple))) {
    std::vector<Value> items(a.items().begin(), a.items().end());
    items.insert(items.end(), b.items().begin(), b.items().end());
    return runtime.list(std::move(items), a.kind);
  }
  fail_operands(runtime, "+", a, b);
}

Value subtract(Runtime& runtime, const Value& a, const Value& b) {
  if (a.is_whole() && b.is_whole()) {
    int64_t difference = 0;
    const bool overflows = __builtin_sub_overflow(a.whole(), b.whole(), &difference);
    return whole_or_fail(runtime, overflows, difference);
  }
  if (a.is_number() && b.is_number()) return Value::number(a.real() - b.real());
  fail_operands(runtime, "-", a, b);
}

Value repeat(Runtime& runtime, const Value& value, int64_t times) {
  const std::size_t size = value.is(Kind::kString) ? value.text().size() : value.items().size;
  const std::size_t n = times < 0 || size == 0 ? 0 : std::size_t(times);
  if (size != 0 && n > kMaxWorkingBytes / size) runtime.fail("\"*\" makes too long a value");
  if (value.is(Kind::kString)) {
    runtime.charge_bytes(n * size);
    std::string text;
    for (std::size_t i = 0; i < n; ++i) text += value.text();
    return runtime.string(std::move(text));
  }
  runtime.charge_bytes(n * size * sizeof(Value));
  std::vector<Value> items;
  for (std::size_t i = 0; i < n; ++i) items.insert(items.end(), value.items().begin(), value.items().end());
  return runtime.list(std::move(items), value.kind);
}

bool is_repeatable(const Value& v) { return v.is(Kind::kString) || v.is(Kind::kList) || v.is(Kind::kTuple); }

Value multiply(Runtime& runtime, const Value& a, const Value& b) {
  if (a.is_whole() && b.is_whole()) {
    int64_t product = 0;
    const bool overflows = __builtin_mul_overflow(a.whole(), b.whole(), &product);
    return whole_or_fail(runtime, overflows, product);
  }
  if (a.is_number() && b.is_number()) return Value::number(a.real() * b.real());
  if (is_repeatable(a) && b.is_whole()) return repeat(runtime, a, b.whole());
  if (is_repeatable(b) && a.is_whole()) return repeat(runtime, b, a.whole());
  fail_operands(runtime, "*", a, b);
}

// Both round towards minus infinity, as in Python. REQUIRES b != 0.
Value floor_divide(Runtime& runtime, const Value& a, const Value& b) {
  if (!a.is_whole() || !b.is_whole()) return Value::number(std::floor(a.real() / b.real()));
  const int64_t n = a.whole(), d = b.whole();
  if (d == -1) return negate(runtime, Value::integer(n));
  return Value::integer(n / d - ((n % d != 0 && (n < 0) != (d < 0)) ? 1 : 0));
}

Value modulo(const Value& a, const Value& b) {
  if (!a.is_whole() || !b.is_whole()) {
    const double rest = std::fmod(a.real(), b.real());
    return Value::number(rest != 0 && (rest < 0) != (b.real() < 0) ? rest + b.real() : rest);
  }
  if (b.whole() == -1) return Value::integer(0);
  const int64_t rest = a.whole() % b.whole();
  return Value::integer(rest != 0 && (rest < 0) != (b.whole() < 0) ? rest + b.whole() : rest);
}

Value divide(Runtime& runtime, BinaryOperator op, const Value& a, const Value& b) {
  if (!a.is_number() || !b.is_number()) {
    fail_operands(runtime, op == BinaryOperator::kDivide ? "/" : op == BinaryOperator::kModulo ? "%" : "//", a, b);
  }
  if (b.real() == 0) runtime.fail("division by zero");
  if (op == BinaryOperator::kDivide) return Value::number(a.real() / b.real());
  return op == BinaryOperator::kModulo ? modulo(a, b) : floor_divide(runtime, a, b);
}

bool is_less(const Runtime& runtime, const Value& a, const Value& b) {
  if (a.is_whole() && b.is_whole()) return a.whole() < b.whole();
  if (a.is_number() && b.is_number()) return a.real() < b.real();
  if (a.is(Kind::kString) && b.is(Kind::kString)) return a.text() < b.text();
  fail_operands(runtime, "<", a, b);
}

bool contains(Runtime& runtime, const Value& item, const Value& container) {
  if (container.is(Kind::kString)) {
    if (!item.is(Kind::kString)) fail_operands(runtime, "in", item, container);
    runtime.charge_steps(container.text().size() / 64);
    return container.text().find(item.text()) != std::string_view::npos;
  }
  if (container.is(Kind::kDict)) return item.is(Kind::kString) && container.dict().find(item.text()) != nullptr;
  if (container.is(Kind::kUndefined)) return false;
  if (!container.is_sequence()) fail_operands(runtime, "in", item, container);
  runtime.charge_steps(container.items().size);
  for (const Value& element : container.items()) {
    if (is_equal(element, item)) return true;
  }
  return false;
}

struct Range {
  int64_t start, step, count;
};

// Python's slice.indices. REQUIRES step is not 0.
Range resolve(const SliceBounds& bounds, int64_t n) {
  const int64_t step = bounds.step.value_or(1);
  const int64_t low = step > 0 ? 0 : -1, high = step > 0 ? n : n - 1;
  const auto clamp = [&](int64_t i) { return std::clamp(i < 0 ? i + n : i, low, high); };
  const int64_t start = bounds.start ? clamp(*bounds.start) : step > 0 ? low : high;
  const int64_t stop = bounds.stop ? clamp(*bounds.stop) : step > 0 ? high : low;
  const int64_t distance = step > 0 ? stop - start : start - stop;
  if (distance <= 0) return {start, step, 0};
  // The magnitude without negating INT64_MIN.
  const uint64_t stride = step > 0 ? uint64_t(step) : uint64_t(0) - uint64_t(step);
  return {start, step, int64_t((uint64_t(distance) - 1) / stride) + 1};
}

}  // namespace

Value calculate(Runtime& runtime, BinaryOperator op, const Value& a, const Value& b) {
  switch (op) {
    case BinaryOperator::kAdd:
      return add(runtime, a, b);
    case BinaryOperator::kSubtract:
      return subtract(runtime, a, b);
    case BinaryOperator::kMultiply:
      return multiply(runtime, a, b);
    default:
      return divide(runtime, op, a, b);
  }
}

Value negate(Runtime& runtime, const Value& a) {
  if (a.is(Kind::kFloat)) return Value::number(-a.real());
  return subtract(runtime, Value::integer(0), a);
}

bool compare(Runtime& runtime, Comparison op, const Value& a, const Value& b) {
  switch (op) {
    case Comparison::kEqual:
    case Comparison::kNotEqual:
      return is_equal(a, b) == (op == Comparison::kEqual);
    case Comparison::kLess:
      return is_less(runtime, a, b);
    case Comparison::kLessEqual:
      return is_less(runtime, a, b) || is_equal(a, b);
    case Comparison::kGreater:
      return is_less(runtime, b, a);
    case Comparison::kGreaterEqual:
      return is_less(runtime, b, a) || is_equal(a, b);
    case Comparison::kIn:
      return contains(runtime, a, b);
    default:
      return !contains(runtime, a, b);
  }
}

Value get_slice(Runtime& runtime, const Value& object, const SliceBounds& bounds) {
  if (!is_repeatable(object)) runtime.fail(std::string(kind_name(object)) + " cannot be sliced");
  if (bounds.step == 0) runtime.fail("a slice with step 0");
  const bool is_text = object.is(Kind::kString);
  if (is_text) runtime.charge_steps(object.text().size() / 16);
  const Range range = resolve(bounds, is_text ? count_characters(object.text()) : int64_t(object.items().size));
  if (is_text && range.step == 1) return Value::string(characters(object.text(), range.start, range.count));
  const Items items = iterate(runtime, object);
  std::vector<Value> picked;
  std::string text;
  for (int64_t i = 0, at = range.start; i < range.count; ++i, at += i < range.count ? range.step : 0) {
    const Value& item = items[std::size_t(at)];
    if (is_text)
      text += item.text();
    else
      picked.push_back(item);
  }
  return is_text ? runtime.string(std::move(text)) : runtime.list(std::move(picked), object.kind);
}

}  // namespace leankv::jinja
