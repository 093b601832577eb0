#include "app/byte_size.h"

#include <fmt/format.h>

#include <charconv>
#include <cmath>

#include "base/error.h"

namespace leankv {
namespace {

constexpr std::string_view kPrefixes = "KMGT";
constexpr double kMostBytes = 0x1p62;

double unit_of(std::string_view suffix) {
  if (suffix.empty() || suffix == "B") return 1;
  const std::size_t power = kPrefixes.find(suffix.front());
  const std::string_view rest = suffix.substr(1);
  if (power == std::string_view::npos || !(rest.empty() || rest == "iB" || rest == "B")) return 0;
  return std::pow(rest == "B" ? 1000.0 : 1024.0, double(power + 1));
}

}  // namespace

int64_t parse_bytes(std::string_view text) {
  double number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const double unit = unit_of(text.substr(std::size_t(end - text.data())));
  const double bytes = number * unit;
  if (error != std::errc{} || unit == 0 || !(bytes >= 1 && bytes <= kMostBytes)) {
    throw Error(ErrorKind::kBadOption, "'" + std::string(text) + "' is no number of bytes; write 4096, 512M or 1.5GiB");
  }
  return int64_t(bytes);
}

std::string format_bytes(double bytes) {
  if (bytes < 1024) return fmt::format("{:.0f} B", bytes);
  std::size_t power = 0;
  for (bytes /= 1024; bytes >= 1024 && power + 1 < kPrefixes.size(); bytes /= 1024) ++power;
  return fmt::format("{:.1f} {}iB", bytes, kPrefixes[power]);
}

}  // namespace leankv
