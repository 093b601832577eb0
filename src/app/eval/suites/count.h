// How many of some answers were right.
#pragma once

#include <fmt/format.h>

#include <string>

namespace leankv {

struct Count {
  int held = 0, all = 0;
  void add(bool holds) { held += holds, ++all; }
};
inline std::string text_of(Count c) { return fmt::format("{} of {}", c.held, c.all); }

}  // namespace leankv
