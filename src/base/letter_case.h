// ASCII letters in one case.
#pragma once

#include <string>

namespace leankv {

constexpr char lower(char c) { return c >= 'A' && c <= 'Z' ? char(c - 'A' + 'a') : c; }
constexpr char upper(char c) { return c >= 'a' && c <= 'z' ? char(c - 'a' + 'A') : c; }

inline std::string lower(std::string text) {
  for (char& c : text) c = lower(c);
  return text;
}
inline std::string upper(std::string text) {
  for (char& c : text) c = upper(c);
  return text;
}

}  // namespace leankv
