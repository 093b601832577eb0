#include <algorithm>
#include <charconv>
#include <cmath>

#include "model/jinja/library.h"
#include "model/jinja/limits.h"
#include "model/jinja/operators.h"
#include "model/jinja/text.h"

namespace leankv::jinja {
namespace {

constexpr int64_t kMaxIndent = 64;  // spaces; wider ones serve no prompt and multiply the output

Value trim(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "trim", {"chars"});
  const std::string text = to_text(r, input);
  if (!args[0] || args[0]->is(Kind::kNone)) return r.string(std::string(strip(text)));
  return r.string(std::string(strip(text, to_text(r, *args[0]), Side::kBoth)));
}

Value length(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "length", {});
  switch (input.kind) {
    case Kind::kUndefined:
      return Value::integer(0);
    case Kind::kString:
      r.charge_steps(input.text().size() / 64);
      return Value::integer(count_characters(input.text()));
    case Kind::kList:
    case Kind::kTuple:
      return Value::integer(int64_t(input.items().size));
    case Kind::kDict:
      return Value::integer(int64_t(input.dict().entries.size()));
    default:
      r.fail(std::string(kind_name(input)) + " has no length");
  }
}

template <std::string (*kChange)(std::string_view)>
Value change_text(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "this filter", {});
  return r.string(kChange(to_text(r, input)));
}

Value tojson(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "tojson", {"indent"});
  std::optional<int> indent;
  if (args[0] && !args[0]->is(Kind::kNone)) {
    if (!args[0]->is_whole() || args[0]->whole() < 0 || args[0]->whole() > kMaxIndent) {
      r.fail("the indent of tojson must be a whole number up to " + std::to_string(kMaxIndent));
    }
    indent = int(args[0]->whole());
  }
  return r.string(to_json(r, input, indent));
}

// item.a.b, by names or places, as the filters' attribute arguments are written.
Value attribute_of(Runtime& r, Value item, const Value& path) {
  if (path.is_whole()) return get_item(r, item, path);
  const std::string text = to_text(r, path);
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t dot = std::min(text.find('.', at), text.size());
    const std::string_view part = std::string_view(text).substr(at, dot - at);
    int64_t place = 0;
    const auto parsed = std::from_chars(part.data(), part.data() + part.size(), place);
    const bool is_place = parsed.ec == std::errc() && parsed.ptr == part.data() + part.size();
    item = get_item(r, item, is_place ? Value::integer(place) : r.string(std::string(part)));
    at = dot + 1;
  }
  return item;
}

Value join(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "join", {"d", "attribute"});
  const std::string between = args[0] ? to_text(r, *args[0]) : "";
  std::string out;
  bool first = true;
  for (const Value& item : iterate(r, input)) {
    if (!std::exchange(first, false)) r.append(out, between);
    const bool by_attribute = args[1] && !args[1]->is(Kind::kNone);
    r.append(out, to_text(r, by_attribute ? attribute_of(r, item, *args[1]) : item));
  }
  return r.string(std::move(out));
}

Value first(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "first", {});
  const Items items = iterate(r, input);
  return items.size == 0 ? Value::undefined("first element") : items[0];
}

Value last(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "last", {});
  if (input.is(Kind::kGenerator)) r.fail("last needs a list; put |list before it");
  const Items items = iterate(r, input);
  return items.size == 0 ? Value::undefined("last element") : items[items.size - 1];
}

Value default_value(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "default", {"default_value", "boolean"});
  const bool replaces_false = args[1] && is_true(*args[1]);
  const bool is_missing = input.is(Kind::kUndefined) || (replaces_false && !is_true(input));
  return is_missing ? args[0].value_or(Value::string("")) : input;
}

Value replace_text(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "replace", {"old", "new", "count"});
  if (!args[0] || !args[1]) r.fail("replace needs two texts");
  const int64_t count = args[2] && args[2]->is_whole() ? args[2]->whole() : -1;
  return r.string(replace(to_text(r, input), to_text(r, *args[0]), to_text(r, *args[1]), count, kMaxOutputBytes));
}

// The arguments from the given place on.
Arguments rest_of(const Arguments& arguments, std::size_t from) {
  const auto first = arguments.positional.begin() + std::ptrdiff_t(std::min(from, arguments.positional.size()));
  return {{first, arguments.positional.end()}, arguments.named};
}

const TestRow& test_argument(Runtime& r, const Arguments& arguments, std::size_t place) {
  const std::string name = to_text(r, arguments.positional[place]);
  const TestRow* test = find_test(name);
  if (test == nullptr) r.fail("the test \"" + name + "\" is not supported; these are: " + test_names());
  return *test;
}

// select, reject, selectattr, rejectattr: the elements that pass, or fail, a test. Without a test: that are true.
template <bool kByAttribute, bool kWanted>
Value pick(Runtime& r, const Value& input, const Arguments& arguments) {
  constexpr std::size_t kTestPlace = kByAttribute ? 1 : 0;
  if (arguments.positional.size() < kTestPlace) r.fail("this filter needs the name of an attribute");
  const bool has_test = arguments.positional.size() > kTestPlace;
  const TestRow* test = has_test ? &test_argument(r, arguments, kTestPlace) : nullptr;
  const Arguments test_arguments = rest_of(arguments, kTestPlace + 1);
  std::vector<Value> picked;
  for (const Value& item : iterate(r, input)) {
    r.charge_steps(1);
    const Value tested = kByAttribute ? attribute_of(r, item, arguments.positional[0]) : item;
    const bool holds = test != nullptr ? test->holds(r, tested, test_arguments) : is_true(tested);
    if (holds == kWanted) picked.push_back(item);
  }
  return r.list(std::move(picked), Kind::kGenerator);
}

Value map_attribute(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "map", {"attribute", "default"});
  if (!args[0]) r.fail("map needs the name of a filter or an attribute");
  std::vector<Value> mapped;
  for (const Value& item : iterate(r, input)) {
    const Value value = attribute_of(r, item, *args[0]);
    mapped.push_back(value.is(Kind::kUndefined) ? args[1].value_or(value) : value);
  }
  return r.list(std::move(mapped), Kind::kGenerator);
}

Value map(Runtime& r, const Value& input, const Arguments& arguments) {
  if (arguments.positional.empty()) return map_attribute(r, input, arguments);
  const std::string name = to_text(r, arguments.positional[0]);
  const FilterRow* filter = find_filter(name);
  if (filter == nullptr) r.fail("the filter \"" + name + "\" is not supported; these are: " + filter_names());
  const Arguments filter_arguments = rest_of(arguments, 1);
  std::vector<Value> mapped;
  for (const Value& item : iterate(r, input)) mapped.push_back(filter->apply(r, item, filter_arguments));
  return r.list(std::move(mapped), Kind::kGenerator);
}

Value list(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "list", {});
  const Items items = iterate(r, input);
  return {Kind::kList, items};
}

Value reverse(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "reverse", {});
  if (input.is(Kind::kString)) return get_slice(r, input, {{}, {}, -1});
  const Items items = iterate(r, input);
  std::vector<Value> reversed(items.begin(), items.end());
  std::ranges::reverse(reversed);
  return r.list(std::move(reversed), Kind::kGenerator);
}

Value string(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "string", {});
  return r.string(to_text(r, input));
}

Value safe(Runtime& r, const Value& input, const Arguments& arguments) { return string(r, input, arguments); }

std::optional<double> parse_number(std::string_view text) {
  text = strip(text);
  if (text.starts_with('+')) text.remove_prefix(1);
  double value = 0;
  const auto parsed = std::from_chars(text.data(), text.data() + text.size(), value);
  if (parsed.ec != std::errc() || parsed.ptr != text.data() + text.size()) return std::nullopt;
  return value;
}

Value to_float(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "float", {"default"});
  const Value fallback = args[0].value_or(Value::number(0));
  if (input.is_number()) return Value::number(input.real());
  if (!input.is(Kind::kString)) return fallback;
  const std::optional<double> value = parse_number(input.text());
  return value ? Value::number(*value) : fallback;
}

Value to_int(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "int", {"default"});
  const Value fallback = args[0].value_or(Value::integer(0));
  if (input.is_whole()) return Value::integer(input.whole());
  if (input.is(Kind::kString)) {
    std::string_view text = strip(input.text());
    if (text.starts_with('+')) text.remove_prefix(1);
    int64_t whole = 0;
    const auto parsed = std::from_chars(text.data(), text.data() + text.size(), whole);
    if (parsed.ec == std::errc() && parsed.ptr == text.data() + text.size()) return Value::integer(whole);
  }
  const Value real = to_float(r, input, {{Value::none()}, {}});
  if (real.is(Kind::kNone) || std::isnan(real.real()) || std::isinf(real.real())) return fallback;
  if (std::fabs(real.real()) >= 0x1p63) r.fail("a whole number does not fit 64 bits");
  return Value::integer(int64_t(real.real()));
}

Value absolute(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "abs", {});
  if (!input.is_number()) r.fail("abs does not take " + std::string(kind_name(input)));
  return input.real() < 0 ? negate(r, input) : input;
}

Value items(Runtime& r, const Value& input, const Arguments& arguments) {
  arguments.match(r, "items", {});
  if (input.is(Kind::kUndefined)) return r.list({}, Kind::kGenerator);
  if (!input.is(Kind::kDict)) r.fail("items needs a mapping, not " + std::string(kind_name(input)));
  return {Kind::kGenerator, find_method(Kind::kDict, "items")->call(r, input, {}).items()};
}

Value indent(Runtime& r, const Value& input, const Arguments& arguments) {
  const auto args = arguments.match(r, "indent", {"width", "first", "blank"});
  const int64_t width = args[0] && args[0]->is_whole() ? args[0]->whole() : 4;
  if (width < 0 || width > kMaxIndent) r.fail("the width of indent must be at most " + std::to_string(kMaxIndent));
  const std::string space(std::size_t(width), ' ');
  const bool indents_blank = args[2] && is_true(*args[2]);
  const std::string text = to_text(r, input);
  std::string out = args[1] && is_true(*args[1]) ? space : "";
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size() - 1) + 1;
    r.append(out, std::string_view(text).substr(at, end - at));
    at = end;
    const bool is_blank = at == text.size() || text[at] == '\n';
    if (text[end - 1] == '\n' && (!is_blank || indents_blank)) r.append(out, space);
  }
  return r.string(std::move(out));
}

constexpr FilterRow kFilters[] = {
    {"abs", absolute},
    {"capitalize", change_text<capitalize>},
    {"count", length},
    {"d", default_value},
    {"default", default_value},
    {"first", first},
    {"float", to_float},
    {"indent", indent},
    {"int", to_int},
    {"items", items},
    {"join", join},
    {"last", last},
    {"length", length},
    {"list", list},
    {"lower", change_text<lower>},
    {"map", map},
    {"reject", pick<false, false>},
    {"rejectattr", pick<true, false>},
    {"replace", replace_text},
    {"reverse", reverse},
    {"safe", safe},
    {"select", pick<false, true>},
    {"selectattr", pick<true, true>},
    {"string", string},
    {"title", change_text<title>},
    {"tojson", tojson},
    {"trim", trim},
    {"upper", change_text<upper>},
};

}  // namespace

const FilterRow* find_filter(std::string_view name) { return find_row(kFilters, name); }
std::string filter_names() { return row_names(kFilters); }

}  // namespace leankv::jinja
