#include "server/grammar/integer_range.h"

#include <algorithm>
#include <cmath>
#include <optional>
#include <string>

namespace leankv {
namespace {

std::optional<double> bound(const Json& schema, const char* keyword, const std::string& place) {
  if (!schema.contains(keyword)) return std::nullopt;
  if (!schema[keyword].is_number()) refuse_schema(place, "'" + std::string(keyword) + "' must be a number");
  const double number = schema[keyword];
  if (std::abs(number) > double(kLargestInteger)) {
    refuse_schema(place, "'" + std::string(keyword) + "' has more than 15 digits");
  }
  return number;
}

// Numbers of as many digits as both bounds have, from `low` to `high`, behind `from` and up to `to`. at_low: what has
// been written so far is the beginning of `low`.
void draw_digits(AutomatonBuilder& b, NodeId from, NodeId to, std::string_view low, std::string_view high, bool at_low,
                 bool at_high) {
  if (low.empty()) return b.skip(from, to);
  const char first = at_low ? low[0] : '0', last = at_high ? high[0] : '9';
  const auto rest = [&](char least, char most, bool still_low, bool still_high) {
    if (least > most) return;
    draw_digits(b, b.bytes(from, uint8_t(least), uint8_t(most)), to, low.substr(1), high.substr(1), still_low,
                still_high);
  };
  if (at_low && at_high && first == last) return rest(first, first, true, true);
  if (at_low) rest(first, first, true, false);
  if (at_high) rest(last, last, false, true);
  rest(char(first + (at_low ? 1 : 0)), char(last - (at_high ? 1 : 0)), false, false);
}

// REQUIRES 0 <= least.
void draw_unsigned(AutomatonBuilder& b, NodeId from, NodeId to, int64_t least, int64_t most) {
  for (int64_t begin = 0, end = 9; begin <= most; begin = end + 1, end = end * 10 + 9) {
    const int64_t low = std::max(begin, least), high = std::min(end, most);
    if (low <= high) draw_digits(b, from, to, std::to_string(low), std::to_string(high), true, true);
  }
}

}  // namespace

IntegerRange integer_range(const Json& schema, const std::string& place) {
  IntegerRange range;
  if (const auto x = bound(schema, "minimum", place)) range.least = std::max(range.least, int64_t(std::ceil(*x)));
  if (const auto x = bound(schema, "maximum", place)) range.most = std::min(range.most, int64_t(std::floor(*x)));
  if (const auto x = bound(schema, "exclusiveMinimum", place)) {
    range.least = std::max(range.least, int64_t(std::floor(*x)) + 1);
  }
  if (const auto x = bound(schema, "exclusiveMaximum", place)) {
    range.most = std::min(range.most, int64_t(std::ceil(*x)) - 1);
  }
  if (range.least > range.most) refuse_schema(place, "no integer lies between the bounds");
  return range;
}

RuleId draw_integers(JsonRules& rules, const IntegerRange& range) {
  AutomatonBuilder& b = rules.builder();
  const RuleId rule = b.add_rule();
  const NodeId begin = b.start(rule), end = b.end(rule);
  if (range.most >= 0) draw_unsigned(b, begin, end, std::max<int64_t>(range.least, 0), range.most);
  if (range.least < 0) {
    draw_unsigned(b, b.bytes(begin, '-', '-'), end, std::max<int64_t>(-range.most, 1), -range.least);
  }
  return rule;
}

}  // namespace leankv
