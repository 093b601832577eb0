#include "model/utf8.h"

#include <utf8proc.h>

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/error.h"

namespace leankv {
namespace {

// How a lead byte goes on: bytes in all (0: not a lead byte) and what the second byte may be.
struct Lead {
  int bytes;
  uint8_t low, high;
};

Lead lead_of(uint8_t byte) {
  if (byte < 0x80) return {1, 0, 0};
  if (byte < 0xC2) return {0, 0, 0};
  if (byte < 0xE0) return {2, 0x80, 0xBF};
  if (byte < 0xF0) return {3, uint8_t(byte == 0xE0 ? 0xA0 : 0x80), uint8_t(byte == 0xED ? 0x9F : 0xBF)};
  if (byte < 0xF5) return {4, uint8_t(byte == 0xF0 ? 0x90 : 0x80), uint8_t(byte == 0xF4 ? 0x8F : 0xBF)};
  return {0, 0, 0};
}

// utf8proc sorts a run of marks in quadratic time; no language has more than a few on a letter (Unicode's stream-safe
// form ends a run after 30).
constexpr int kMostMarks = 256;

bool has_endless_marks(std::string_view text) {
  int marks = 0;
  for (std::size_t at = 0; at < text.size() && marks <= kMostMarks;) {
    const Utf8Character c = read_utf8(text.substr(at));
    const bool is_mark = c.code >= 0x300 && utf8proc_get_property(utf8proc_int32_t(c.code))->combining_class != 0;
    marks = is_mark ? marks + 1 : 0;
    at += std::size_t(c.bytes);
  }
  return marks > kMostMarks;
}

}  // namespace

Utf8Character read_utf8(std::string_view text) {
  LEANKV_CHECK(!text.empty());
  const uint8_t first = uint8_t(text[0]);
  Lead lead = lead_of(first);
  if (lead.bytes == 0) return {first, 1, Utf8State::kInvalid};
  if (lead.bytes == 1) return {first, 1, Utf8State::kValid};
  char32_t code = first & (0xFFu >> (lead.bytes + 1));
  for (int i = 1; i < lead.bytes; ++i) {
    if (std::size_t(i) == text.size()) return {code, i, Utf8State::kIncomplete};
    const uint8_t byte = uint8_t(text[std::size_t(i)]);
    if (byte < lead.low || byte > lead.high) return {code, i, Utf8State::kInvalid};
    lead.low = 0x80, lead.high = 0xBF;
    code = (code << 6) | (byte & 0x3Fu);
  }
  return {code, lead.bytes, Utf8State::kValid};
}

std::string nfc(std::string_view text) {
  const bool is_ascii = std::ranges::all_of(text, [](char c) { return uint8_t(c) < 0x80; });
  if (is_ascii || has_endless_marks(text)) return std::string(text);
  utf8proc_uint8_t* composed = nullptr;
  const utf8proc_ssize_t bytes =
      utf8proc_map(reinterpret_cast<const utf8proc_uint8_t*>(text.data()), utf8proc_ssize_t(text.size()), &composed,
                   utf8proc_option_t(UTF8PROC_STABLE | UTF8PROC_COMPOSE));
  const std::unique_ptr<utf8proc_uint8_t, decltype(&std::free)> owner(composed, &std::free);
  LEANKV_CHECK(bytes >= 0);
  return {reinterpret_cast<const char*>(composed), std::size_t(bytes)};
}

void append_utf8(std::string& text, char32_t code) {
  if (code < 0x80) {
    text += char(code);
    return;
  }
  const int tail = code < 0x800 ? 1 : code < 0x10000 ? 2 : 3;  // continuation bytes
  text += char((0xF00u >> (tail + 1)) | (code >> (6 * tail)));
  for (int i = tail - 1; i >= 0; --i) text += char(0x80u | ((code >> (6 * i)) & 0x3Fu));
}

std::string Utf8Stream::push(std::string_view bytes) {
  const std::string text = held_ + std::string(bytes);
  held_.clear();
  std::string out;
  for (std::string_view rest = text; !rest.empty();) {
    const Utf8Character c = read_utf8(rest);
    if (c.state == Utf8State::kIncomplete) {
      held_ = rest;
      break;
    }
    out += c.state == Utf8State::kValid ? rest.substr(0, std::size_t(c.bytes)) : kReplacementCharacter;
    rest.remove_prefix(std::size_t(c.bytes));
  }
  return out;
}

std::string Utf8Stream::flush() {
  const std::string out(held_.empty() ? "" : kReplacementCharacter);
  held_.clear();
  return out;
}

}  // namespace leankv
