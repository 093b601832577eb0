#include "model/jinja/runtime.h"

#include <algorithm>
#include <limits>

#include "base/error.h"
#include "model/jinja/ast.h"
#include "model/jinja/limits.h"
#include "model/utf8.h"

namespace leankv::jinja {

Value Runtime::string(std::string text) {
  charge_bytes(sizeof(std::string) + text.size());
  return Value::string(strings_.emplace_back(std::move(text)));
}

Value Runtime::list(std::vector<Value> items, Kind kind) {
  charge_bytes(sizeof(items) + items.size() * sizeof(Value));
  charge_steps(items.size());
  const std::vector<Value>& kept = lists_.emplace_back(std::move(items));
  int below = 0;
  for (const Value& item : kept) below = std::max(below, height(item));
  return {kind, Items{kept.data(), kept.size(), level_above(below)}};
}

int Runtime::level_above(int below) const {
  if (below >= kMaxValueNesting) fail("values nested deeper than " + std::to_string(kMaxValueNesting) + " (the limit)");
  return below + 1;
}

Value Runtime::dict(Dict dict) {
  // An entry lies in the vector and in a node of the index, of about its size again.
  charge_bytes(sizeof(Dict) + dict.entries.size() * 2 * sizeof(dict.entries[0]));
  charge_steps(dict.entries.size());
  int below = 0;
  for (const auto& [key, value] : dict.entries) below = std::max(below, height(value));
  dict.height = level_above(below);
  return {Kind::kDict, &std::as_const(dicts_.emplace_back(std::move(dict)))};
}

Value Runtime::name_space(Dict attributes) {
  charge_bytes(sizeof(Namespace));
  return {Kind::kNamespace, &namespaces_.emplace_back(Namespace{std::move(attributes)})};
}

Value Runtime::method(const MethodRow& method, const Value& object) {
  charge_bytes(sizeof(BoundMethod));
  return {Kind::kMethod, &std::as_const(methods_.emplace_back(BoundMethod{&method, object}))};
}

Value Runtime::macro(Macro macro) {
  charge_bytes(sizeof(Macro));
  return {Kind::kMacro, &std::as_const(macros_.emplace_back(macro))};
}

Loop& Runtime::loop(Items items) {
  charge_bytes(sizeof(Loop));
  return loops_.emplace_back(Loop{items});
}

Scope& Runtime::scope(Scope* parent) {
  charge_bytes(sizeof(Scope));
  return scopes_.emplace_back(Scope{parent, {}});
}

Value Runtime::json(const nlohmann::ordered_json& json, int depth) {
  level_above(depth);
  if (json.is_boolean()) return Value::boolean(json.get<bool>());
  if (json.is_number_unsigned() && json.get<uint64_t>() > uint64_t(std::numeric_limits<int64_t>::max())) {
    return Value::number(json.get<double>());
  }
  if (json.is_number_integer()) return Value::integer(json.get<int64_t>());
  if (json.is_number()) return Value::number(json.get<double>());
  if (json.is_string()) return Value::string(json.get_ref<const std::string&>());
  if (json.is_array()) {
    std::vector<Value> items;
    for (const auto& item : json) items.push_back(this->json(item, depth + 1));
    return list(std::move(items));
  }
  if (!json.is_object()) return Value::none();
  Dict entries;
  for (const auto& [key, value] : json.get_ref<const nlohmann::ordered_json::object_t&>()) {
    entries.set(key, this->json(value, depth + 1));
  }
  return dict(std::move(entries));
}

void Runtime::charge_steps(std::size_t steps) {
  if (steps > std::size_t(kMaxSteps - steps_)) fail("more than " + std::to_string(kMaxSteps) + " steps (the limit)");
  steps_ += int64_t(steps);
}

void Runtime::charge_bytes(std::size_t bytes) {
  if (bytes > kMaxWorkingBytes - bytes_) {
    fail("more than " + std::to_string(kMaxWorkingBytes) + " bytes of values (the limit)");
  }
  bytes_ += bytes;
}

void Runtime::append(std::string& out, std::string_view text) {
  if (text.size() > kMaxOutputBytes - out.size()) {
    fail("more than " + std::to_string(kMaxOutputBytes) + " bytes of text (the limit)");
  }
  charge_bytes(text.size());
  out += text;
}

void Runtime::fail(const std::string& what) const {
  throw Error(ErrorKind::kBadRequest, "chat template, line " + std::to_string(line_) + ": " + what);
}

std::vector<std::optional<Value>> Arguments::match(const Runtime& runtime, std::string_view callee,
                                                   std::initializer_list<std::string_view> names) const {
  std::vector<std::optional<Value>> matched(names.size());
  if (positional.size() > names.size()) {
    runtime.fail(std::string(callee) + " takes at most " + std::to_string(names.size()) + " arguments");
  }
  std::ranges::copy(positional, matched.begin());
  for (const auto& [name, value] : named) {
    const auto place = std::ranges::find(names, name);
    if (place == names.end() || matched[std::size_t(place - names.begin())]) {
      runtime.fail(std::string(callee) + " does not take the argument " + std::string(name));
    }
    matched[std::size_t(place - names.begin())] = value;
  }
  return matched;
}

Items iterate(Runtime& runtime, const Value& value) {
  if (value.is_sequence()) return value.items();
  std::vector<Value> items;
  if (value.is(Kind::kDict)) {
    for (const auto& [key, entry] : value.dict().entries) items.push_back(Value::string(key));
  } else if (value.is(Kind::kString)) {
    runtime.charge_bytes(value.text().size() * sizeof(Value));
    for (std::string_view rest = value.text(); !rest.empty();) {
      const std::size_t bytes = std::size_t(read_utf8(rest).bytes);
      items.push_back(Value::string(rest.substr(0, bytes)));
      rest.remove_prefix(bytes);
    }
  } else if (!value.is(Kind::kUndefined)) {
    runtime.fail(std::string(kind_name(value)) + " cannot be looped over");
  }
  return runtime.list(std::move(items)).items();
}

}  // namespace leankv::jinja
