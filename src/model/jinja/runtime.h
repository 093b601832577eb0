// What rendering makes and uses up: the owner of every value, and the keeper of the limits.
#pragma once

#include <deque>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "model/jinja/ast.h"
#include "model/jinja/value.h"

namespace leankv::jinja {

// The variables of one block; loops and macros have their own, if has not.
struct Scope {
  Scope* parent = nullptr;
  Dict variables;
};

// Lives for one rendering; the values it makes are valid as long.
class Runtime {
 public:
  Value string(std::string text);
  Value list(std::vector<Value> items, Kind kind = Kind::kList);
  Value dict(Dict dict);
  Value name_space(Dict attributes);
  Value method(const MethodRow& method, const Value& object);
  Value macro(Macro macro);
  Value json(const nlohmann::ordered_json& json, int depth = 0);  // REQUIRES json outlives this
  Loop& loop(Items items);
  Scope& scope(Scope* parent);

  // Throws kBadRequest when the work, or the memory, is used up.
  void charge_steps(std::size_t steps);
  void charge_bytes(std::size_t bytes);
  // Adds to a text under the limits.
  void append(std::string& out, std::string_view text);

  [[noreturn]] void fail(const std::string& what) const;  // throws kBadRequest, naming the line
  void set_line(int line) { line_ = line; }
  int line() const { return line_; }

 private:
  int level_above(int below) const;  // throws kBadRequest above kMaxValueNesting

  int line_ = 0;
  int64_t steps_ = 0;
  std::size_t bytes_ = 0;
  std::deque<std::string> strings_;
  std::deque<std::vector<Value>> lists_;
  std::deque<Dict> dicts_;
  std::deque<Namespace> namespaces_;
  std::deque<BoundMethod> methods_;
  std::deque<Macro> macros_;
  std::deque<Loop> loops_;
  std::deque<Scope> scopes_;
};

// The arguments of a filter, test, method or function.
struct Arguments {
  std::vector<Value> positional;
  std::vector<std::pair<std::string_view, Value>> named;

  // Throws kBadRequest unless all are among names, in this order when positional. Returns one per name.
  std::vector<std::optional<Value>> match(const Runtime& runtime, std::string_view callee,
                                          std::initializer_list<std::string_view> names) const;
};

// Texts of values.
std::string to_text(Runtime& runtime, const Value& value);                             // str()
std::string to_json(Runtime& runtime, const Value& value, std::optional<int> indent);  // json.dumps(ensure_ascii=False)

// The elements that a loop runs over: a list's, a mapping's keys, a text's characters, nothing of an undefined value.
Items iterate(Runtime& runtime, const Value& value);

}  // namespace leankv::jinja
