// What an expression of a chat template evaluates to.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <utility>
#include <variant>
#include <vector>

namespace leankv::jinja {

enum class Kind {
  kUndefined,
  kNone,
  kBool,
  kInteger,
  kFloat,
  kString,
  kList,
  kTuple,
  kGenerator,  // of filters such as selectattr: always true, has no length
  kDict,
  kNamespace,
  kLoop,
  kMacro,
  kMethod,
  kFunction,
};

struct Value;
struct Dict;
struct Namespace;
struct Loop;
struct Macro;
struct BoundMethod;
struct FunctionRow;

struct Items {
  const Value* data = nullptr;
  std::size_t size = 0;
  int height = 1;  // levels of lists and mappings, this one included
  const Value* begin() const { return data; }
  const Value* end() const;
  const Value& operator[](std::size_t i) const;
};

// A small view, copied freely: texts and elements lie in the template, in the request or in the Runtime that made them.
// Immutable, as in Jinja's sandbox; only a namespace changes.
struct Value {
  Kind kind = Kind::kUndefined;
  std::variant<std::string_view, bool, int64_t, double, Items, const Dict*, Namespace*, const Loop*, const Macro*,
               const BoundMethod*, const FunctionRow*>
      data;  // of an undefined value: the name that was looked for

  static Value undefined(std::string_view name) { return {Kind::kUndefined, name}; }
  static Value none() { return {Kind::kNone, {}}; }
  static Value boolean(bool b) { return {Kind::kBool, b}; }
  static Value integer(int64_t i) { return {Kind::kInteger, i}; }
  static Value number(double d) { return {Kind::kFloat, d}; }
  static Value string(std::string_view s) { return {Kind::kString, s}; }

  bool is(Kind k) const { return kind == k; }
  bool is_sequence() const { return is(Kind::kList) || is(Kind::kTuple) || is(Kind::kGenerator); }
  bool is_whole() const { return is(Kind::kInteger) || is(Kind::kBool); }  // as in Python, true counts as 1
  bool is_number() const { return is_whole() || is(Kind::kFloat); }

  std::string_view text() const { return std::get<std::string_view>(data); }
  int64_t whole() const { return is(Kind::kBool) ? int64_t(std::get<bool>(data)) : std::get<int64_t>(data); }
  double real() const { return is(Kind::kFloat) ? std::get<double>(data) : double(whole()); }
  Items items() const { return std::get<Items>(data); }
  const Dict& dict() const { return *std::get<const Dict*>(data); }
};

inline const Value* Items::end() const { return data + size; }
inline const Value& Items::operator[](std::size_t i) const { return data[i]; }

struct Dict {
  std::vector<std::pair<std::string_view, Value>> entries;
  std::unordered_map<std::string_view, std::size_t> index;  // into entries
  int height = 1;                                           // as of Items

  void set(std::string_view key, const Value& value);
  const Value* find(std::string_view key) const;  // nullptr when absent
};

struct Namespace {
  Dict attributes;
};

struct Loop {
  Items items;
  std::size_t at = 0;
};

struct MethodRow;
struct BoundMethod {
  const MethodRow* method;
  Value object;
};

std::string_view kind_name(const Value& value);  // "a string"
int height(const Value& value);                  // 0 of a value without elements; recursion over a value goes this deep
bool is_true(const Value& value);
bool is_equal(const Value& a, const Value& b);

}  // namespace leankv::jinja
