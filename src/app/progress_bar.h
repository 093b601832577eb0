// A bar on stderr while something takes long.
#pragma once

#include <string>

namespace leankv {

// Draws only when shown: stderr is a terminal and the user did not say --no-progress.
class ProgressBar {
 public:
  ProgressBar(std::string label, bool shown) : label_(std::move(label)), shown_(shown) {}
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;
  ~ProgressBar() { clear(); }

  void update(double done);  // in [0, 1]
  void clear();              // leaves the line empty

 private:
  std::string label_;
  bool shown_;
  int percent_ = -1;
};

bool stderr_is_terminal();

}  // namespace leankv
