#include "server/grammar/pattern.h"

#include <bitset>
#include <cctype>
#include <memory>

#include "model/utf8.h"

namespace leankv {
namespace {

constexpr int kMostRepeats = 1000;
constexpr int kDeepestGroup = 32;

struct CharacterSet {
  std::bitset<128> ascii;
  bool wide = false;  // every character outside ASCII
};

CharacterSet opposite(CharacterSet set) { return {~set.ascii, !set.wide}; }

// Draws while it parses: an atom that is repeated is parsed as often as it is drawn.
class PatternReader {
 public:
  PatternReader(JsonRules& rules, std::string_view text, const std::string& place)
      : rules_(rules), b_(rules.builder()), text_(text), place_(place) {}

  NodeId draw(NodeId from) {
    const bool at_begin = take('^');
    if (!at_begin) from = rules_.repeat(from, rules_.character(), 0, -1);
    const NodeId end = draw_alternatives(from);
    const bool at_end = take('$');
    if (at_ < text_.size()) refuse("'" + std::string(1, text_[at_]) + "' has no meaning there");
    if (has_top_alternatives_ && (at_begin || at_end)) refuse("^ and $ beside |: put the alternatives into a group");
    return at_end ? end : rules_.repeat(end, rules_.character(), 0, -1);
  }

 private:
  [[noreturn]] void refuse(const std::string& message) const {
    refuse_schema(place_, "'pattern' " + std::string(text_) + ": " + message);
  }
  bool at_end_of_alternative() const {
    const bool dollar = text_.substr(at_) == "$";
    return at_ == text_.size() || text_[at_] == '|' || text_[at_] == ')' || dollar;
  }
  bool take(char c) {
    if (at_ == text_.size() || text_[at_] != c) return false;
    return ++at_, true;
  }
  char next() {
    if (at_ == text_.size()) refuse("it ends too early");
    return text_[at_++];
  }

  NodeId draw_alternatives(NodeId from) {
    const NodeId end = b_.add_node();
    do {
      b_.skip(draw_sequence(from), end);
    } while (take('|') && (has_top_alternatives_ |= groups_ == 0, true));
    return end;
  }

  NodeId draw_sequence(NodeId from) {
    while (!at_end_of_alternative()) from = draw_repeated(from);
    return from;
  }

  NodeId draw_repeated(NodeId from) {
    const std::size_t atom = at_;
    const NodeId first = b_.add_node(), first_end = draw_atom(first);
    const auto [least, most] = read_counts();
    const std::size_t behind = at_;
    auto again = [&, used = false](NodeId node) mutable {
      if (!std::exchange(used, true)) return b_.skip(node, first), first_end;
      at_ = atom;
      return draw_atom(node);
    };
    const NodeId end = b_.add_node();
    for (int i = 0; i < least; ++i) from = again(from);
    if (most < 0) {
      const NodeId loop = b_.add_node();
      b_.skip(from, loop);
      b_.skip(again(loop), loop);
      from = loop;
    }
    for (int i = least; i < most; ++i) {
      b_.skip(from, end);
      from = again(from);
    }
    b_.skip(from, end);
    at_ = behind;
    return end;
  }

  std::pair<int, int> read_counts() {
    if (take('*')) return lazy({0, -1});
    if (take('+')) return lazy({1, -1});
    if (take('?')) return lazy({0, 1});
    if (!take('{')) return {1, 1};
    const int least = read_number();
    int most = least;
    if (take(',')) most = at_ < text_.size() && text_[at_] == '}' ? -1 : read_number();
    if (!take('}') || (most >= 0 && most < least)) refuse("a count is {m}, {m,} or {m,n}");
    return lazy({least, most});
  }
  std::pair<int, int> lazy(std::pair<int, int> counts) {
    take('?');  // the same texts
    return counts;
  }
  int read_number() {
    int number = 0;
    do {
      const char c = next();
      if (std::isdigit(static_cast<unsigned char>(c)) == 0) refuse("a count is {m}, {m,} or {m,n}");
      number = number * 10 + (c - '0');
      if (number > kMostRepeats) refuse("counts above " + std::to_string(kMostRepeats));
    } while (at_ < text_.size() && std::isdigit(static_cast<unsigned char>(text_[at_])) != 0);
    return number;
  }

  NodeId draw_atom(NodeId from) {
    if (uint8_t(text_[at_]) >= 0x80) return draw_wide_literal(from);
    const char c = next();
    if (c == '(') return draw_group(from);
    if (c == '[') return draw_set(from, read_class());
    if (c == '.') return draw_set(from, opposite(one_of("\n\r")));
    if (c == '\\') return draw_set(from, read_escape());
    if (std::string_view("*+?{^$)").find(c) != std::string_view::npos) refuse(std::string("a '") + c + "' there");
    return draw_set(from, one_of({&c, 1}));
  }

  NodeId draw_group(NodeId from) {
    if (take('?') && !take(':')) refuse("groups are ( ) and (?: )");
    if (++groups_ > kDeepestGroup) refuse("too many groups in groups");
    const NodeId end = draw_alternatives(from);
    if (!take(')')) refuse("a group has no end");
    --groups_;
    return end;
  }

  NodeId draw_wide_literal(NodeId from) {
    const Utf8Character c = read_utf8(text_.substr(at_));
    const NodeId end = b_.text(from, text_.substr(at_, std::size_t(c.bytes)));
    at_ += std::size_t(c.bytes);
    return end;
  }

  // Each character as JSON writes it.
  NodeId draw_set(NodeId from, const CharacterSet& set) {
    constexpr std::string_view kControls = "\b\f\n\r\t", kNames = "bfnrt";
    const NodeId end = b_.add_node();
    for (int c = 0x20; c < 0x7f; ++c) {
      if (!set.ascii[std::size_t(c)]) continue;
      if (c == '"' || c == '\\') {
        b_.skip(b_.text(from, std::string("\\") + char(c)), end);
      } else {
        b_.bytes(from, uint8_t(c), uint8_t(c), end);
      }
    }
    for (std::size_t i = 0; i < kControls.size(); ++i) {
      if (set.ascii[std::size_t(kControls[i])]) b_.skip(b_.text(from, std::string("\\") + kNames[i]), end);
    }
    if (set.wide) b_.call(from, rules_.wide_character(), end);
    return end;
  }

  static CharacterSet one_of(std::string_view characters) {
    CharacterSet set;
    for (char c : characters) set.ascii.set(std::size_t(c));
    return set;
  }
  static CharacterSet range(char low, char high) {
    CharacterSet set;
    for (int c = low; c <= high; ++c) set.ascii.set(std::size_t(c));
    return set;
  }

  CharacterSet read_escape() {
    const char c = next();
    CharacterSet word = range('a', 'z');
    word.ascii |= range('A', 'Z').ascii | range('0', '9').ascii | one_of("_").ascii;
    switch (c) {
      case 'd':
        return range('0', '9');
      case 'D':
        return opposite(range('0', '9'));
      case 'w':
        return word;
      case 'W':
        return opposite(word);
      case 's':
        return one_of(" \t\n\r\f\v");
      case 'n':
        return one_of("\n");
      case 'r':
        return one_of("\r");
      case 't':
        return one_of("\t");
      default:
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) refuse(std::string("\\") + c + " is not supported");
        return one_of({&c, 1});
    }
  }

  CharacterSet read_class() {
    const bool negated = take('^');
    CharacterSet set;
    while (!take(']')) {
      const CharacterSet low = read_class_item();
      if (at_ + 1 < text_.size() && text_[at_] == '-' && text_[at_ + 1] != ']') {
        ++at_;
        const CharacterSet high = read_class_item();
        if (low.ascii.count() != 1 || high.ascii.count() != 1) refuse("a range in [ ] goes from one character to one");
        set.ascii |= range(only(low), only(high)).ascii;
      } else {
        set.ascii |= low.ascii;
        set.wide |= low.wide;
      }
    }
    return negated ? opposite(set) : set;
  }
  CharacterSet read_class_item() {
    const char c = next();
    if (uint8_t(c) >= 0x80) refuse("characters outside ASCII in [ ]");
    return c == '\\' ? read_escape() : one_of({&c, 1});
  }
  static char only(const CharacterSet& set) {
    char c = 0;
    while (!set.ascii[std::size_t(c)]) ++c;
    return c;
  }

  JsonRules& rules_;
  AutomatonBuilder& b_;
  std::string_view text_;
  const std::string& place_;
  std::size_t at_ = 0;
  int groups_ = 0;
  bool has_top_alternatives_ = false;
};

}  // namespace

NodeId draw_pattern(JsonRules& rules, NodeId from, const std::string& pattern, const std::string& place) {
  return PatternReader(rules, pattern, place).draw(from);
}

std::string pattern_of_format(const std::string& format, const std::string& place) {
  const std::string date =
      "[0-9]{4}-((0[13578]|1[02])-(0[1-9]|[12][0-9]|3[01])|(0[469]|11)-(0[1-9]|[12][0-9]|30)|02-(0[1-9]|1[0-9]|2[0-8])"
      ")";
  const std::string time =
      "([01][0-9]|2[0-3]):[0-5][0-9]:[0-5][0-9](\\.[0-9]{1,6})?(Z|[+-]([01][0-9]|2[0-3]):[0-5][0-9])";
  if (format == "date") return "^" + date + "$";
  if (format == "time") return "^" + time + "$";
  if (format == "date-time") return "^" + date + "T" + time + "$";
  if (format == "uuid") return "^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$";
  refuse_schema(place, "the format '" + format + "' is not supported; there are date, time, date-time, uuid");
}

}  // namespace leankv
