#include "server/grammar/json_rules.h"

#include <algorithm>
#include <map>

namespace leankv {
namespace {

constexpr int kDeepestIndent = 40;  // columns
constexpr int kMostDigits = 15;     // a double holds every integer of so many
constexpr int kMostExponentDigits = 2;

}  // namespace

RuleId JsonRules::white_space() {
  if (white_space_) return *white_space_;
  AutomatonBuilder& b = builder_;
  const RuleId rule = b.add_rule();
  b.skip(b.start(rule), b.end(rule));
  b.bytes(b.start(rule), ' ', ' ', b.end(rule));
  NodeId node = b.bytes(b.start(rule), '\n', '\n');
  for (int i = 0; i < kDeepestIndent; ++i) {
    b.skip(node, b.end(rule));
    node = b.bytes(node, ' ', ' ');
  }
  b.skip(node, b.end(rule));
  return *(white_space_ = rule);
}

// Unicode 15, table 3-7.
RuleId JsonRules::wide_character() {
  if (wide_character_) return *wide_character_;
  AutomatonBuilder& b = builder_;
  const RuleId rule = b.add_rule();
  const NodeId first = b.start(rule);
  const NodeId one = b.add_node(), two = b.add_node(), three = b.add_node();  // bytes that are missing
  b.bytes(one, 0x80, 0xbf, b.end(rule));
  b.bytes(two, 0x80, 0xbf, one);
  b.bytes(three, 0x80, 0xbf, two);
  b.bytes(first, 0xc2, 0xdf, one);
  b.bytes(b.bytes(first, 0xe0, 0xe0), 0xa0, 0xbf, one);
  b.bytes(first, 0xe1, 0xec, two);
  b.bytes(b.bytes(first, 0xed, 0xed), 0x80, 0x9f, one);
  b.bytes(first, 0xee, 0xef, two);
  b.bytes(b.bytes(first, 0xf0, 0xf0), 0x90, 0xbf, two);
  b.bytes(first, 0xf1, 0xf3, three);
  b.bytes(b.bytes(first, 0xf4, 0xf4), 0x80, 0x8f, two);
  return *(wide_character_ = rule);
}

// ASCII that stands for itself, without those in `but`.
void JsonRules::plain_bytes(NodeId from, NodeId to, std::string_view but) {
  for (int c = 0x20, begin = 0x20; c <= 0x80; ++c) {
    const bool out = c == 0x80 || c == '"' || c == '\\' || c == 0x7f || but.find(char(c)) != but.npos;
    if (!out) continue;
    if (begin < c) builder_.bytes(from, uint8_t(begin), uint8_t(c - 1), to);
    begin = c + 1;
  }
}

// \uXXXX of surrogates is left out: a character beyond U+FFFF can be written as it is.
void JsonRules::escapes(NodeId from, NodeId to) {
  AutomatonBuilder& b = builder_;
  const NodeId backslash = b.bytes(from, '\\', '\\');
  for (char c : std::string_view("\"\\/bfnrt")) b.bytes(backslash, uint8_t(c), uint8_t(c), to);
  const auto hex = [&](NodeId at, NodeId next, std::string_view ranges) {
    for (std::size_t i = 0; i < ranges.size(); i += 2) b.bytes(at, uint8_t(ranges[i]), uint8_t(ranges[i + 1]), next);
  };
  constexpr std::string_view kAny = "09afAF";
  const NodeId u = b.bytes(backslash, 'u', 'u'), d = b.add_node(), three = b.add_node(), two = b.add_node(),
               one = b.add_node();
  hex(u, three, "09acefACEF");
  hex(u, d, "ddDD");
  hex(d, two, "07");
  hex(three, two, kAny);
  hex(two, one, kAny);
  hex(one, to, kAny);
}

RuleId JsonRules::character() {
  if (character_) return *character_;
  const RuleId rule = builder_.add_rule();
  plain_bytes(builder_.start(rule), builder_.end(rule), "");
  escapes(builder_.start(rule), builder_.end(rule));
  builder_.call(builder_.start(rule), wide_character(), builder_.end(rule));
  return *(character_ = rule);
}

NodeId JsonRules::repeat(NodeId from, RuleId rule, int least, int most) {
  for (int i = 0; i < least; ++i) from = builder_.call(from, rule);
  if (most < 0) {
    const NodeId loop = builder_.add_node();
    builder_.skip(from, loop);
    builder_.call(loop, rule, loop);
    return loop;
  }
  const NodeId end = builder_.add_node();
  for (int i = least; i < most; ++i) {
    builder_.skip(from, end);
    from = builder_.call(from, rule);
  }
  builder_.skip(from, end);
  return end;
}

RuleId JsonRules::string() {
  if (string_) return *string_;
  AutomatonBuilder& b = builder_;
  string_ = b.add_rule();
  // Drawn as one loop and not by repeat: its inside is where most of all tokens are chosen.
  const NodeId inside = b.bytes(b.start(*string_), '"', '"');
  plain_bytes(inside, inside, "");
  escapes(inside, inside);
  b.call(inside, wide_character(), inside);
  b.bytes(inside, '"', '"', b.end(*string_));
  return *string_;
}

NodeId JsonRules::digits(NodeId from, int least, int most) {
  const NodeId end = builder_.add_node();
  for (int i = 0; i < most; ++i) {
    if (i >= least) builder_.skip(from, end);
    from = builder_.bytes(from, '0', '9');
  }
  builder_.skip(from, end);
  return end;
}

RuleId JsonRules::integer() {
  if (integer_) return *integer_;
  AutomatonBuilder& b = builder_;
  integer_ = b.add_rule();
  const NodeId begin = b.start(*integer_), unsigned_part = b.bytes(begin, '-', '-');
  b.skip(begin, unsigned_part);
  b.bytes(unsigned_part, '0', '0', b.end(*integer_));
  b.skip(digits(b.bytes(unsigned_part, '1', '9'), 0, kMostDigits - 1), b.end(*integer_));
  return *integer_;
}

RuleId JsonRules::number() {
  if (number_) return *number_;
  AutomatonBuilder& b = builder_;
  number_ = b.add_rule();
  const NodeId whole = b.call(b.start(*number_), integer());
  const NodeId fraction = digits(b.bytes(whole, '.', '.'), 1, kMostDigits);
  b.skip(whole, fraction);
  const NodeId exponent = b.add_node(), sign = b.add_node();
  for (char c : {'e', 'E'}) b.bytes(fraction, uint8_t(c), uint8_t(c), exponent);
  for (char c : {'+', '-'}) b.bytes(exponent, uint8_t(c), uint8_t(c), sign);
  b.skip(exponent, sign);
  b.skip(digits(sign, 1, kMostExponentDigits), b.end(*number_));
  b.skip(fraction, b.end(*number_));
  return *number_;
}

RuleId JsonRules::member(RuleId key, RuleId value) {
  AutomatonBuilder& b = builder_;
  const RuleId rule = b.add_rule();
  const NodeId colon = b.bytes(b.call(b.start(rule), key), ':', ':');
  b.call(b.call(colon, white_space()), value, b.end(rule));
  return rule;
}

RuleId JsonRules::list(char open, RuleId element, char close) {
  AutomatonBuilder& b = builder_;
  const RuleId rule = b.add_rule();
  const NodeId begin = b.call(b.bytes(b.start(rule), uint8_t(open), uint8_t(open)), white_space());
  const NodeId last = b.add_node();  // the closing bracket comes
  const NodeId after = b.call(begin, element);
  b.call(b.call(b.bytes(after, ',', ','), white_space()), element, after);
  b.call(after, white_space(), last);
  b.skip(begin, last);
  b.bytes(last, uint8_t(close), uint8_t(close), b.end(rule));
  return rule;
}

RuleId JsonRules::value() {
  if (value_) return *value_;
  AutomatonBuilder& b = builder_;
  value_ = b.add_rule();  // before its parts, which refer to it
  const NodeId begin = b.start(*value_), end = b.end(*value_);
  for (const char* word : {"true", "false", "null"}) b.skip(b.text(begin, word), end);
  for (RuleId part : {string(), number(), object(), array()}) b.call(begin, part, end);
  return *value_;
}

RuleId JsonRules::object() {
  if (object_) return *object_;
  object_ = list('{', member(string(), value()), '}');
  return *object_;
}

RuleId JsonRules::array() {
  if (array_) return *array_;
  array_ = list('[', value(), ']');
  return *array_;
}

RuleId JsonRules::other_key(const std::vector<std::string>& names) {
  AutomatonBuilder& b = builder_;
  const RuleId rule = b.add_rule();
  const NodeId free = b.add_node();  // no name begins like this
  plain_bytes(free, free, "");
  b.call(free, wide_character(), free);
  b.bytes(free, '"', '"', b.end(rule));
  std::map<std::string, NodeId> beginnings = {{"", b.bytes(b.start(rule), '"', '"')}};
  for (const std::string& name : names) {
    for (std::size_t n = 1; n <= name.size(); ++n) beginnings.try_emplace(name.substr(0, n), b.add_node());
  }
  for (const auto& [text, node] : beginnings) {
    std::string next;  // bytes that lead to a longer beginning
    for (int c = 0; c < 256; ++c) {
      const auto longer = beginnings.find(text + char(c));
      if (longer == beginnings.end()) continue;
      next += char(c);
      if (c >= 0x20 && c < 0x7f && c != '"' && c != '\\') b.bytes(node, uint8_t(c), uint8_t(c), longer->second);
    }
    plain_bytes(node, free, next);
    if (std::ranges::count(names, text) == 0) b.bytes(node, '"', '"', b.end(rule));
  }
  return rule;
}

}  // namespace leankv
