// How the values of options are read: all of the text or an Error that says what was expected.
#pragma once

#include <charconv>
#include <string>
#include <string_view>
#include <vector>

#include "backend/dense_ops.h"
#include "base/error.h"

namespace leankv {

[[noreturn]] void refuse_option(const std::string& message);  // kBadOption; the parser puts the name before it

// range: what the error says that the text is not, "a number from 0 to 1".
template <class T>
T number(const std::string& text, T least, T most, const char* range) {
  T value{};
  const char* const begin = text.data() + (text.starts_with('+') ? 1 : 0);
  const auto [end, error] = std::from_chars(begin, text.data() + text.size(), value);
  const bool whole = error == std::errc{} && end == text.data() + text.size();
  if (!whole || !(value >= least && value <= most)) refuse_option("'" + text + "' is not " + range);
  return value;
}

int count(const std::string& text, int least = 0);

double ratio(const std::string& text);  // of bytes, from 1 up

std::string_view activations_name(Activations activations);  // "exact", "int8", "f32"
Activations parse_activations(std::string_view name);        // names those that there are where it is none

// Without the commas; a last one ends the list.
std::vector<std::string> comma_separated(std::string_view text);

}  // namespace leankv
