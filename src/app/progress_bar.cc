#include "app/progress_bar.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace leankv {
namespace {

constexpr int kWidth = 40;                      // characters
constexpr const char* kEraseLine = "\r\033[K";  // ECMA-48 EL

}  // namespace

bool stderr_is_terminal() { return isatty(STDERR_FILENO) == 1; }

void ProgressBar::update(double done) {
  const int percent = int(std::clamp(done, 0.0, 1.0) * 100);
  if (!shown_ || percent == percent_) return;
  percent_ = percent;
  const int filled = percent * kWidth / 100;
  fmt::print(stderr, "{}{} [{:#<{}}{:.<{}}] {:3} %", kEraseLine, label_, "", filled, "", kWidth - filled, percent);
  std::fflush(stderr);
}

void ProgressBar::clear() {
  if (percent_ < 0) return;
  std::fputs(kEraseLine, stderr);
  percent_ = -1;
}

}  // namespace leankv
