#include "engine/stop_strings.h"

#include <algorithm>
#include <utility>

#include "base/error.h"

namespace leankv {

StopStrings::StopStrings(std::vector<std::string> stops) : stops_(std::move(stops)) {
  if (std::ranges::any_of(stops_, &std::string::empty)) {
    throw Error(ErrorKind::kBadRequest, "a stop string is empty: it would end every text");
  }
}

std::string StopStrings::push(std::string_view text) {
  if (stopped_) return {};
  held_ += text;
  const Place stop = first_complete();
  stopped_ = stop.end != std::string::npos;
  const std::size_t certain = stopped_ ? stop.begin : held_.size() - possible_beginning();
  std::string out = held_.substr(0, certain);
  held_.erase(0, stopped_ ? held_.size() : certain);
  return out;
}

std::string StopStrings::flush() { return std::exchange(held_, {}); }

StopStrings::Place StopStrings::first_complete() const {
  Place first{std::string::npos, std::string::npos};
  for (const std::string& stop : stops_) {
    const std::size_t begin = held_.find(stop);
    if (begin == std::string::npos) continue;
    const Place place{begin, begin + stop.size()};
    if (std::pair(place.end, place.begin) < std::pair(first.end, first.begin)) first = place;
  }
  return first;
}

std::size_t StopStrings::possible_beginning() const {
  const std::string_view held = held_;
  std::size_t longest = 0;
  for (const std::string& stop : stops_) {
    std::size_t n = std::min(stop.size() - 1, held.size());
    while (n > longest && !stop.starts_with(held.substr(held.size() - n))) --n;
    longest = std::max(longest, n);
  }
  return longest;
}

}  // namespace leankv
