// Server-sent events: https://html.spec.whatwg.org/multipage/server-sent-events.html, section 9.2.6.
#pragma once

#include <functional>
#include <string>
#include <string_view>

namespace leankv {

// Cuts a stream into the data of its events. Comments and other fields are passed over.
class EventStream {
 public:
  using OnData = std::function<void(std::string_view)>;

  // Pieces may end anywhere. `on_data` is called for each event whose end has come.
  void push(std::string_view piece, const OnData& on_data);

 private:
  void take_line(std::string_view line, const OnData& on_data);

  std::string line_;  // its beginning
  std::string data_;  // of the event so far
  bool any_data_ = false;
};

}  // namespace leankv
