#include <array>
#include <ctime>

#include "base/error.h"
#include "model/jinja/library.h"
#include "model/jinja/limits.h"

namespace leankv::jinja {
namespace {

Value raise_exception(Runtime& r, const Arguments& arguments) {
  const auto args = arguments.match(r, "raise_exception", {"message"});
  throw Error(ErrorKind::kBadRequest,
              "the chat template refuses the messages: " + (args[0] ? to_text(r, *args[0]) : std::string("no reason")));
}

void add_entries(Runtime& r, const Arguments& arguments, std::string_view callee, Dict& entries) {
  if (arguments.positional.size() > 1) r.fail(std::string(callee) + "() takes one mapping, and name=value");
  for (const Value& mapping : arguments.positional) {
    if (!mapping.is(Kind::kDict)) r.fail(std::string(callee) + "() takes one mapping, and name=value");
    for (const auto& [key, value] : mapping.dict().entries) entries.set(key, value);
  }
  for (const auto& [name, value] : arguments.named) entries.set(name, value);
}

Value name_space(Runtime& r, const Arguments& arguments) {
  Dict attributes;
  add_entries(r, arguments, "namespace", attributes);
  return r.name_space(std::move(attributes));
}

Value dict(Runtime& r, const Arguments& arguments) {
  Dict entries;
  add_entries(r, arguments, "dict", entries);
  return r.dict(std::move(entries));
}

Value range(Runtime& r, const Arguments& arguments) {
  auto args = arguments.match(r, "range", {"start", "stop", "step"});
  if (!args[1]) args[1] = std::exchange(args[0], Value::integer(0));
  if (!args[2]) args[2] = Value::integer(1);
  for (const auto& arg : args) {
    if (!arg || !arg->is_whole()) r.fail("range() needs whole numbers");
  }
  const int64_t stop = args[1]->whole(), step = args[2]->whole();
  if (step == 0) r.fail("range() with step 0");
  std::vector<Value> numbers;
  for (int64_t i = args[0]->whole(); step > 0 ? i < stop : i > stop;) {
    if (int64_t(numbers.size()) >= kMaxRange)
      r.fail("range() of more than " + std::to_string(kMaxRange) + " (the limit)");
    numbers.push_back(Value::integer(i));
    if (__builtin_add_overflow(i, step, &i)) break;
  }
  return r.list(std::move(numbers));
}

// Local time, as transformers gives its templates.
Value strftime_now(Runtime& r, const Arguments& arguments) {
  const auto args = arguments.match(r, "strftime_now", {"format"});
  if (!args[0] || !args[0]->is(Kind::kString)) r.fail("strftime_now() needs a format");
  const std::time_t now = std::time(nullptr);
  std::tm local{};
  localtime_r(&now, &local);
  std::array<char, 256> buffer;
  const std::string format = std::string(args[0]->text()) + " ";  // so that 0 bytes always mean "did not fit"
  const std::size_t size = std::strftime(buffer.data(), buffer.size(), format.c_str(), &local);
  if (size == 0) r.fail("strftime_now() of more than " + std::to_string(buffer.size()) + " bytes (the limit)");
  return r.string(std::string(buffer.data(), size - 1));
}

constexpr FunctionRow kFunctions[] = {
    {"dict", dict},   {"namespace", name_space},      {"raise_exception", raise_exception},
    {"range", range}, {"strftime_now", strftime_now},
};

}  // namespace

const FunctionRow* find_function(std::string_view name) { return find_row(kFunctions, name); }
std::string function_names() { return row_names(kFunctions); }

}  // namespace leankv::jinja
