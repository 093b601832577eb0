// Ends a text at the first of some strings, although the text comes in pieces.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace leankv {

// Invariant: what push and flush return, put together, does not depend on how the text was cut into pieces: it is the
// text before the stop string that is complete first (of several that end together, the longest).
class StopStrings {
 public:
  explicit StopStrings(std::vector<std::string> stops);  // throws kBadRequest for an empty string

  std::string push(std::string_view text);  // what is certainly before any stop string; nothing once stopped
  std::string flush();                      // what was held back, at the end of a text that did not stop
  bool stopped() const { return stopped_; }

 private:
  struct Place {
    std::size_t begin, end;
  };
  Place first_complete() const;
  std::size_t possible_beginning() const;  // bytes at the end of held_ that may become a stop string

  std::vector<std::string> stops_;
  std::string held_;
  bool stopped_ = false;
};

}  // namespace leankv
