#include "model/jinja/library.h"
#include "model/jinja/operators.h"
#include "model/jinja/text.h"

namespace leankv::jinja {
namespace {

Value loop_attribute(const Loop& loop, std::string_view name) {
  const int64_t at = int64_t(loop.at), n = int64_t(loop.items.size);
  if (name == "index") return Value::integer(at + 1);
  if (name == "index0") return Value::integer(at);
  if (name == "revindex") return Value::integer(n - at);
  if (name == "revindex0") return Value::integer(n - at - 1);
  if (name == "first") return Value::boolean(at == 0);
  if (name == "last") return Value::boolean(at + 1 == n);
  if (name == "length") return Value::integer(n);
  if (name == "depth") return Value::integer(1);  // deeper only in recursive loops, which the parser refuses
  if (name == "depth0") return Value::integer(0);
  if (name == "previtem" && at > 0) return loop.items[loop.at - 1];
  if (name == "nextitem" && at + 1 < n) return loop.items[loop.at + 1];
  return Value::undefined(name);
}

Value entry_of(const Dict& dict, std::string_view name) {
  const Value* entry = dict.find(name);
  return entry != nullptr ? *entry : Value::undefined(name);
}

[[noreturn]] void fail_undefined(const Runtime& runtime, const Value& object) {
  runtime.fail("'" + std::string(object.text()) + "' is undefined");
}

// Without the methods.
Value plain_attribute(const Value& object, std::string_view name) {
  switch (object.kind) {
    case Kind::kDict:
      return entry_of(object.dict(), name);
    case Kind::kNamespace:
      return entry_of(std::get<Namespace*>(object.data)->attributes, name);
    case Kind::kLoop:
      return loop_attribute(*std::get<const Loop*>(object.data), name);
    default:
      return Value::undefined(name);
  }
}

}  // namespace

// A method hides an entry of the same name, as in Jinja: {{ schema.items }} is the method, schema['items'] the entry.
Value get_attribute(Runtime& runtime, const Value& object, std::string_view name) {
  if (object.is(Kind::kUndefined)) fail_undefined(runtime, object);
  if (const MethodRow* method = find_method(object.kind, name)) return runtime.method(*method, object);
  return plain_attribute(object, name);
}

Value get_item(Runtime& runtime, const Value& object, const Value& index) {
  if (object.is(Kind::kUndefined)) fail_undefined(runtime, object);
  if (index.is(Kind::kString)) {
    const Value found = plain_attribute(object, index.text());
    return found.is(Kind::kUndefined) ? get_attribute(runtime, object, index.text()) : found;
  }
  const bool is_text = object.is(Kind::kString);
  const bool has_places = is_text || object.is(Kind::kList) || object.is(Kind::kTuple);
  if (!has_places || !index.is_whole()) return Value::undefined("list element");
  if (is_text) runtime.charge_steps(object.text().size() / 16);
  const int64_t n = is_text ? count_characters(object.text()) : int64_t(object.items().size);
  const int64_t at = index.whole() < 0 ? index.whole() + n : index.whole();
  if (at < 0 || at >= n) return Value::undefined("list element");
  return is_text ? Value::string(characters(object.text(), at, 1)) : object.items()[std::size_t(at)];
}

}  // namespace leankv::jinja
