#include "model/jinja/text.h"

#include <utf8proc.h>

#include <charconv>
#include <cmath>

#include "base/error.h"
#include "model/jinja/limits.h"
#include "model/utf8.h"

namespace leankv::jinja {
namespace {

template <class Keep>
std::string_view strip_while(std::string_view text, Side side, Keep is_stripped) {
  while (side != Side::kRight && !text.empty()) {
    const Utf8Character c = read_utf8(text);
    if (!is_stripped(text.substr(0, std::size_t(c.bytes)), c.code)) break;
    text.remove_prefix(std::size_t(c.bytes));
  }
  while (side != Side::kLeft && !text.empty()) {
    std::size_t begin = text.size() - 1;
    while (begin > 0 && text.size() - begin < 4 && (text[begin] & 0xC0) == 0x80) --begin;
    const Utf8Character c = read_utf8(text.substr(begin));
    if (!is_stripped(text.substr(begin), c.code)) break;
    text.remove_suffix(text.size() - begin);
  }
  return text;
}

template <class Change>
std::string map_characters(std::string_view text, Change change) {
  std::string out;
  while (!text.empty()) {
    const Utf8Character c = read_utf8(text);
    if (c.state == Utf8State::kValid)
      append_utf8(out, change(c.code));
    else
      out += text.substr(0, std::size_t(c.bytes));
    text.remove_prefix(std::size_t(c.bytes));
  }
  return out;
}

char32_t to_upper(char32_t c) { return char32_t(utf8proc_toupper(utf8proc_int32_t(c))); }
char32_t to_lower(char32_t c) { return char32_t(utf8proc_tolower(utf8proc_int32_t(c))); }
char32_t to_title(char32_t c) { return char32_t(utf8proc_totitle(utf8proc_int32_t(c))); }
bool has_case(char32_t c) { return to_upper(c) != c || to_lower(c) != c; }

// The value of digits hexadecimal digits, or -1 when there are fewer.
int32_t read_hex(std::string_view text, std::size_t digits) {
  int32_t value = -1;
  const std::string_view part = text.substr(0, digits);
  const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value, 16);
  return part.size() == digits && end == part.data() + digits && error == std::errc() && part[0] != '-' ? value : -1;
}

struct Escape {
  char name;
  char value;
};
constexpr Escape kEscapes[] = {{'n', '\n'}, {'t', '\t'}, {'r', '\r'}, {'\\', '\\'}, {'\'', '\''}, {'"', '"'},
                               {'a', '\a'}, {'b', '\b'}, {'f', '\f'}, {'v', '\v'},  {'0', '\0'}};

// Appends what the escape at the start of text stands for and returns its size; 0 for an unknown one.
std::size_t take_escape(std::string_view text, std::string& out) {
  for (const Escape& escape : kEscapes) {
    if (text[0] != escape.name) continue;
    out += escape.value;
    return 1;
  }
  const std::size_t digits = text[0] == 'x' ? 2 : text[0] == 'u' ? 4 : text[0] == 'U' ? 8 : 0;
  const int32_t code = digits == 0 ? -1 : read_hex(text.substr(1), digits);
  if (code < 0 || code > 0x10FFFF || (code >= 0xD800 && code < 0xE000)) return 0;
  append_utf8(out, char32_t(code));
  return 1 + digits;
}

}  // namespace

bool is_white_space(char32_t c) {
  return c == ' ' || (c >= 9 && c <= 13) || (c >= 0x1C && c <= 0x1F) || c == 0x85 || c == 0xA0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200A) || c == 0x2028 || c == 0x2029 || c == 0x202F || c == 0x205F || c == 0x3000;
}

std::string_view strip(std::string_view text, Side side) {
  return strip_while(text, side, [](std::string_view, char32_t code) { return is_white_space(code); });
}

std::string_view strip(std::string_view text, std::string_view characters, Side side) {
  return strip_while(text, side, [&](std::string_view c, char32_t) { return characters.find(c) != characters.npos; });
}

int64_t count_characters(std::string_view text) {
  int64_t count = 0;
  for (; !text.empty(); ++count) text.remove_prefix(std::size_t(read_utf8(text).bytes));
  return count;
}

std::string_view characters(std::string_view text, int64_t first, int64_t count) {
  const auto skip = [](std::string_view rest, int64_t n) {
    for (; n > 0 && !rest.empty(); --n) rest.remove_prefix(std::size_t(read_utf8(rest).bytes));
    return rest;
  };
  const std::string_view from = skip(text, first);
  return from.substr(0, from.size() - skip(from, count).size());
}

std::string upper(std::string_view text) {
  return map_characters(replace(text, "\u00DF", "SS", -1, text.size() + 1), to_upper);
}
std::string lower(std::string_view text) { return map_characters(text, to_lower); }

std::string title(std::string_view text) {
  bool inside = false;
  return map_characters(text, [&](char32_t c) {
    const char32_t changed = inside ? to_lower(c) : to_title(c);
    inside = has_case(c);
    return changed;
  });
}

std::string capitalize(std::string_view text) {
  bool first = true;
  return map_characters(text, [&](char32_t c) {
    const char32_t changed = first ? to_title(c) : to_lower(c);
    first = false;
    return changed;
  });
}

std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t at_most,
                    std::size_t limit) {
  std::string out;
  std::size_t at = 0;
  for (int64_t done = 0; done != at_most && at <= text.size(); ++done) {
    const std::size_t found = text.find(from, at);
    if (found == text.npos) break;
    out += text.substr(at, found - at);
    out += to;
    at = found + from.size();
    if (from.empty()) {  // Python puts it before every character and at the end
      if (at == text.size()) break;
      const std::size_t bytes = std::size_t(read_utf8(text.substr(at)).bytes);
      out += text.substr(at, bytes);
      at += bytes;
    }
    if (out.size() > limit) break;
  }
  if (out.size() > limit) {
    throw Error(ErrorKind::kBadRequest, "chat template: replace() makes more than " + std::to_string(limit) + " bytes");
  }
  return out += text.substr(at);
}

std::string unescape(std::string_view literal) {
  std::string out;
  for (std::size_t i = 0; i < literal.size(); ++i) {
    const std::size_t taken =
        literal[i] == '\\' && i + 1 < literal.size() ? take_escape(literal.substr(i + 1), out) : 0;
    if (taken == 0) out += literal[i];
    i += taken;
  }
  return out;
}

std::string number_text(double value) {
  if (std::isnan(value)) return "nan";
  if (std::isinf(value)) return value < 0 ? "-inf" : "inf";
  // Python writes an exponent below 1e-4 and from 1e16 on.
  const double magnitude = std::fabs(value);
  const bool is_scientific = magnitude != 0 && (magnitude < 1e-4 || magnitude >= 1e16);
  char buffer[64];
  const auto format = is_scientific ? std::chars_format::scientific : std::chars_format::fixed;
  const auto result = std::to_chars(buffer, buffer + sizeof buffer, value, format);
  std::string text(buffer, result.ptr);
  if (!is_scientific && text.find('.') == text.npos) text += ".0";
  return text;
}

}  // namespace leankv::jinja
