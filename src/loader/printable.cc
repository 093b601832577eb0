#include "loader/printable.h"

namespace leankv {
namespace {

bool is_continuation(char c) { return (static_cast<unsigned char>(c) & 0xc0) == 0x80; }

unsigned char byte_at(std::string_view text, std::size_t i) { return static_cast<unsigned char>(text[i]); }

// C0 and DEL; C1 (U+0080 to U+009F) is the bytes c2 80 to c2 9f, both of which count.
bool is_control(std::string_view text, std::size_t i) {
  const auto is_c1 = [&](std::size_t lead) {
    return lead + 1 < text.size() && byte_at(text, lead) == 0xc2 && byte_at(text, lead + 1) < 0xa0;
  };
  return byte_at(text, i) < 0x20 || byte_at(text, i) == 0x7f || is_c1(i) || (i > 0 && is_c1(i - 1));
}

std::string escaped(char c) {
  if (c == '\n') return "\\n";
  if (c == '\t') return "\\t";
  constexpr char kDigits[] = "0123456789abcdef";
  const auto byte = static_cast<unsigned char>(c);
  return {'\\', 'x', kDigits[byte >> 4], kDigits[byte & 15]};
}

}  // namespace

std::string printable(std::string_view text, std::size_t max_bytes) {
  std::size_t end = text.size();
  if (end > max_bytes) {
    end = max_bytes;
    while (end > 0 && is_continuation(text[end])) --end;
  }
  std::string line;
  for (std::size_t i = 0; i < end; ++i) line += is_control(text, i) ? escaped(text[i]) : std::string(1, text[i]);
  return end < text.size() ? line + "..." : line;
}

}  // namespace leankv
