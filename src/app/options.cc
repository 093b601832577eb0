#include "app/options.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstdlib>

#include "app/option_table.h"
#include "base/error.h"
#include "base/letter_case.h"
#include "base/nearest_name.h"

namespace leankv {
namespace {

std::vector<std::string_view> names_of(const OptionRow& row) {
  std::vector<std::string_view> names;
  std::string_view rest = row.names;
  for (std::size_t comma; (comma = rest.find(", ")) != rest.npos; rest.remove_prefix(comma + 2)) {
    names.push_back(rest.substr(0, comma));
  }
  names.push_back(rest);
  return names;
}

const OptionRow* find_row(std::string_view name, unsigned command) {
  for (const OptionRow& row : option_table()) {
    if ((row.commands & command) != 0 && std::ranges::count(names_of(row), name) > 0) return &row;
  }
  return nullptr;
}

[[noreturn]] void refuse_unknown(std::string_view name, unsigned command) {
  std::vector<std::string_view> known;
  for (const OptionRow& row : option_table()) {
    if ((row.commands & command) == 0 || row.help.empty()) continue;
    for (std::string_view n : names_of(row)) known.push_back(n);
  }
  const std::string_view nearest = nearest_name(name, known);
  throw Error(ErrorKind::kBadOption, "unknown option " + std::string(name) +
                                         (nearest.empty() ? "; --help lists those there are"
                                                          : "; did you mean " + std::string(nearest) + "?"));
}

void apply(const OptionRow& row, const std::string& name, const std::string& text, AppOptions& options) {
  try {
    row.apply(options, text);
  } catch (const Error& error) {
    throw Error(error.kind(), name + ": " + error.what());
  }
}

// "--ctx-size" is LEANKV_CTX_SIZE.
std::string variable_of(std::string_view long_name) {
  std::string name = "LEANKV_";
  for (char c : long_name.substr(2)) name += c == '-' ? '_' : upper(c);
  return name;
}

// A switch's variable, with llama.cpp's words.
bool is_on(const std::string& name, std::string text) {
  text = lower(std::move(text));
  for (const char* on : {"1", "on", "true", "enabled"}) {
    if (text == on) return true;
  }
  for (const char* off : {"", "0", "off", "false", "disabled"}) {
    if (text == off) return false;
  }
  throw Error(ErrorKind::kBadOption, name + ": '" + text + "' is neither on nor off");
}

void apply_environment(const OptionRow& row, AppOptions& options) {
  for (std::string_view long_name : names_of(row)) {
    if (!long_name.starts_with("--")) continue;
    const std::string name = variable_of(long_name);
    const char* value = std::getenv(name.c_str());
    if (value == nullptr) continue;
    if (!row.value.empty() || is_on(name, value)) apply(row, name, row.value.empty() ? "1" : value, options);
    return;
  }
}

struct Given {
  const OptionRow* row;
  std::string name, text;
};

// Splits "--name=value"; a value may also be the next argument, whatever it looks like.
Given read_option(std::span<char* const> args, std::size_t& next, unsigned command) {
  const std::string argument = args[next++];
  const std::size_t equals = argument.starts_with("--") ? argument.find('=') : std::string::npos;
  Given given{nullptr, argument.substr(0, equals), "1"};
  given.row = find_row(given.name, command);
  if (given.row == nullptr) refuse_unknown(given.name, command);
  const bool takes_value = !given.row->value.empty();
  if (!takes_value && equals != std::string::npos) {
    throw Error(ErrorKind::kBadOption, given.name + " takes no value");
  }
  if (takes_value && equals == std::string::npos && next == args.size()) {
    throw Error(ErrorKind::kBadOption,
                given.name + " needs a value: " + given.name + " " + std::string(given.row->value));
  }
  if (takes_value) given.text = equals == std::string::npos ? args[next++] : argument.substr(equals + 1);
  return given;
}

}  // namespace

AppOptions parse_options(std::span<char* const> args, CommandSet command) {
  AppOptions options;
  std::vector<Given> all;
  for (std::size_t next = 0; next < args.size();) {
    const std::string_view argument = args[next];
    if (argument.size() > 1 && argument.starts_with('-')) {
      all.push_back(read_option(args, next, command));
    } else {
      options.arguments.emplace_back(args[next++]);
    }
  }
  for (const OptionRow& row : option_table()) {
    const bool on_line = std::ranges::any_of(all, [&](const Given& g) { return g.row == &row; });
    if ((row.commands & command) != 0 && !on_line) apply_environment(row, options);
  }
  for (const Given& given : all) apply(*given.row, given.name, given.text, options);
  return options;
}

std::string options_help(CommandSet command) {
  constexpr std::size_t kColumn = 40;
  std::string text;
  for (const OptionRow& row : option_table()) {
    if ((row.commands & command) == 0 || row.help.empty()) continue;
    std::string names = "  " + std::string(row.names) + (row.value.empty() ? "" : " " + std::string(row.value));
    if (names.size() >= kColumn) names += "\n" + std::string(kColumn, ' ');
    text += fmt::format("{:<{}}{}\n", names, kColumn, row.help);
  }
  return text + "\nEvery option has a variable: --some-name is LEANKV_SOME_NAME.\n";
}

}  // namespace leankv
