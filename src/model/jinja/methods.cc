#include <algorithm>

#include "model/jinja/library.h"
#include "model/jinja/limits.h"
#include "model/jinja/text.h"

namespace leankv::jinja {
namespace {

std::string_view text_argument(Runtime& r, const std::optional<Value>& value, std::string_view callee) {
  if (!value || !value->is(Kind::kString)) r.fail(std::string(callee) + "() needs a string");
  return value->text();
}

template <Side kSide>
Value strip_text(Runtime& r, const Value& object, const Arguments& arguments) {
  const auto args = arguments.match(r, "strip", {"chars"});
  if (!args[0] || args[0]->is(Kind::kNone)) return Value::string(strip(object.text(), kSide));
  return Value::string(strip(object.text(), text_argument(r, args[0], "strip"), kSide));
}

template <std::string (*kChange)(std::string_view)>
Value change_text(Runtime& r, const Value& object, const Arguments& arguments) {
  arguments.match(r, "this method", {});
  r.charge_steps(object.text().size() / 64);
  return r.string(kChange(object.text()));
}

std::vector<Value> split_at_space(std::string_view text, int64_t at_most) {
  std::vector<Value> parts;
  for (text = strip(text, Side::kLeft); !text.empty(); text = strip(text, Side::kLeft)) {
    if (int64_t(parts.size()) == at_most) {
      parts.push_back(Value::string(text));
      break;
    }
    std::size_t end = 0;
    while (end < text.size() && strip(text.substr(end), Side::kLeft).size() == text.size() - end) ++end;
    parts.push_back(Value::string(text.substr(0, end)));
    text.remove_prefix(end);
  }
  return parts;
}

std::vector<Value> split_at(std::string_view text, std::string_view separator, int64_t at_most) {
  std::vector<Value> parts;
  while (int64_t(parts.size()) != at_most) {
    const std::size_t found = text.find(separator);
    if (found == text.npos) break;
    parts.push_back(Value::string(text.substr(0, found)));
    text.remove_prefix(found + separator.size());
  }
  parts.push_back(Value::string(text));
  return parts;
}

Value split(Runtime& r, const Value& object, const Arguments& arguments) {
  const auto args = arguments.match(r, "split", {"sep", "maxsplit"});
  const int64_t limit = args[1] && args[1]->is_whole() && args[1]->whole() >= 0 ? args[1]->whole() : -1;
  r.charge_bytes(object.text().size() * sizeof(Value));
  if (!args[0] || args[0]->is(Kind::kNone)) return r.list(split_at_space(object.text(), limit));
  const std::string_view separator = text_argument(r, args[0], "split");
  if (separator.empty()) r.fail("split() at an empty string");
  return r.list(split_at(object.text(), separator, limit));
}

Value splitlines(Runtime& r, const Value& object, const Arguments& arguments) {
  arguments.match(r, "splitlines", {});
  std::string_view text = object.text();
  r.charge_bytes(text.size() * sizeof(Value));
  std::vector<Value> lines;
  while (!text.empty()) {
    const std::size_t end = std::min(text.find_first_of("\r\n"), text.size());
    lines.push_back(Value::string(text.substr(0, end)));
    const std::size_t mark = text.substr(end).starts_with("\r\n") ? 2 : 1;
    text.remove_prefix(std::min(end + mark, text.size()));
  }
  return r.list(std::move(lines));
}

// A prefix or suffix, or a tuple of them.
template <bool (*kMatches)(std::string_view, std::string_view)>
Value matches_end(Runtime& r, const Value& object, const Arguments& arguments) {
  const auto args = arguments.match(r, "startswith or endswith", {"prefix"});
  if (!args[0] || !args[0]->is(Kind::kTuple)) {
    return Value::boolean(kMatches(object.text(), text_argument(r, args[0], "startswith or endswith")));
  }
  return Value::boolean(std::ranges::any_of(args[0]->items(), [&](const Value& end) {
    return kMatches(object.text(), text_argument(r, end, "startswith or endswith"));
  }));
}
bool starts_with(std::string_view text, std::string_view prefix) { return text.starts_with(prefix); }
bool ends_with(std::string_view text, std::string_view suffix) { return text.ends_with(suffix); }

Value replace_text(Runtime& r, const Value& object, const Arguments& arguments) {
  const auto args = arguments.match(r, "replace", {"old", "new", "count"});
  const int64_t count = args[2] && args[2]->is_whole() ? args[2]->whole() : -1;
  r.charge_steps(object.text().size() / 64);
  return r.string(replace(object.text(), text_argument(r, args[0], "replace"), text_argument(r, args[1], "replace"),
                          count, kMaxOutputBytes));
}

Value find_text(Runtime& r, const Value& object, const Arguments& arguments) {
  const auto args = arguments.match(r, "find", {"sub"});
  r.charge_steps(object.text().size() / 64);
  const std::size_t at = object.text().find(text_argument(r, args[0], "find"));
  return Value::integer(at == std::string_view::npos ? -1 : count_characters(object.text().substr(0, at)));
}

Value join(Runtime& r, const Value& object, const Arguments& arguments) {
  const auto args = arguments.match(r, "join", {"iterable"});
  if (!args[0]) r.fail("join() needs a list");
  std::string out;
  bool first = true;
  for (const Value& item : iterate(r, *args[0])) {
    if (!std::exchange(first, false)) r.append(out, object.text());
    r.append(out, text_argument(r, item, "join"));
  }
  return r.string(std::move(out));
}

Value get(Runtime& r, const Value& object, const Arguments& arguments) {
  const auto args = arguments.match(r, "get", {"key", "default"});
  const Value* found = args[0] && args[0]->is(Kind::kString) ? object.dict().find(args[0]->text()) : nullptr;
  return found != nullptr ? *found : args[1].value_or(Value::none());
}

Value items(Runtime& r, const Value& object, const Arguments& arguments) {
  arguments.match(r, "items", {});
  std::vector<Value> pairs;
  for (const auto& [key, value] : object.dict().entries) {
    pairs.push_back(r.list({Value::string(key), value}, Kind::kTuple));
  }
  return r.list(std::move(pairs));
}

Value keys(Runtime& r, const Value& object, const Arguments& arguments) {
  arguments.match(r, "keys", {});
  return {Kind::kList, iterate(r, object)};
}

Value values(Runtime& r, const Value& object, const Arguments& arguments) {
  arguments.match(r, "values", {});
  std::vector<Value> found;
  for (const auto& [key, value] : object.dict().entries) found.push_back(value);
  return r.list(std::move(found));
}

Value cycle(Runtime& r, const Value& object, const Arguments& arguments) {
  if (arguments.positional.empty() || !arguments.named.empty()) r.fail("loop.cycle() needs values to choose from");
  return arguments.positional[std::get<const Loop*>(object.data)->at % arguments.positional.size()];
}

constexpr MethodRow kMethods[] = {
    {Kind::kString, "capitalize", change_text<capitalize>},
    {Kind::kString, "endswith", matches_end<ends_with>},
    {Kind::kString, "find", find_text},
    {Kind::kString, "join", join},
    {Kind::kString, "lower", change_text<lower>},
    {Kind::kString, "lstrip", strip_text<Side::kLeft>},
    {Kind::kString, "replace", replace_text},
    {Kind::kString, "rstrip", strip_text<Side::kRight>},
    {Kind::kString, "split", split},
    {Kind::kString, "splitlines", splitlines},
    {Kind::kString, "startswith", matches_end<starts_with>},
    {Kind::kString, "strip", strip_text<Side::kBoth>},
    {Kind::kString, "title", change_text<title>},
    {Kind::kString, "upper", change_text<upper>},
    {Kind::kDict, "get", get},
    {Kind::kDict, "items", items},
    {Kind::kDict, "keys", keys},
    {Kind::kDict, "values", values},
    {Kind::kLoop, "cycle", cycle},
};

}  // namespace

const MethodRow* find_method(Kind object, std::string_view name) {
  const auto row =
      std::ranges::find_if(kMethods, [&](const MethodRow& m) { return m.object == object && m.name == name; });
  return row == std::end(kMethods) ? nullptr : &*row;
}

bool is_method(std::string_view name) { return find_row(kMethods, name) != nullptr; }
std::string method_names() { return row_names(kMethods); }

}  // namespace leankv::jinja
