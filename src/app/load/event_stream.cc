#include "app/load/event_stream.h"

namespace leankv {

void EventStream::push(std::string_view piece, const OnData& on_data) {
  while (!piece.empty()) {
    const std::size_t end = piece.find('\n');
    line_ += piece.substr(0, end);
    if (end == piece.npos) return;
    piece.remove_prefix(end + 1);
    if (line_.ends_with('\r')) line_.pop_back();
    take_line(line_, on_data);
    line_.clear();
  }
}

void EventStream::take_line(std::string_view line, const OnData& on_data) {
  if (line.empty()) {
    if (any_data_) on_data(data_);
    data_.clear();
    any_data_ = false;
    return;
  }
  if (!line.starts_with("data:")) return;
  line.remove_prefix(5);
  if (line.starts_with(' ')) line.remove_prefix(1);
  if (any_data_) data_ += '\n';
  data_ += line;
  any_data_ = true;
}

}  // namespace leankv
