#include "model/tokenizer_alphabet.h"

#include <array>

#include "model/utf8.h"

namespace leankv {
namespace {

constexpr char32_t kFirstSpare = 256;  // bytes that are not printable take the characters from here on, in order
constexpr std::size_t kCharacters = 256 + 68;

// Printable in Latin-1 (GPT-2, encoder.py, bytes_to_unicode); these stand for themselves.
constexpr bool is_printable(int byte) {
  return (byte >= '!' && byte <= '~') || (byte >= 0xA1 && byte <= 0xAC) || byte >= 0xAE;
}

constexpr std::array<char32_t, 256> make_characters() {
  std::array<char32_t, 256> table{};
  char32_t spare = kFirstSpare;
  for (int byte = 0; byte < 256; ++byte) table[std::size_t(byte)] = is_printable(byte) ? char32_t(byte) : spare++;
  return table;
}

constexpr std::array<char32_t, 256> kByteToCharacter = make_characters();
static_assert(kByteToCharacter[0xAD] == kCharacters - 1, "the last spare character");

constexpr std::array<int, kCharacters> make_bytes() {
  std::array<int, kCharacters> table{};
  table.fill(-1);
  for (int byte = 0; byte < 256; ++byte) table[kByteToCharacter[std::size_t(byte)]] = byte;
  return table;
}

constexpr std::array<int, kCharacters> kCharacterToByte = make_bytes();

}  // namespace

char32_t byte_character(uint8_t byte) { return kByteToCharacter[byte]; }

std::optional<std::string> bytes_of_characters(std::string_view text) {
  std::string bytes;
  while (!text.empty()) {
    const Utf8Character c = read_utf8(text);
    if (c.state != Utf8State::kValid || c.code >= kCharacters || kCharacterToByte[c.code] < 0) return std::nullopt;
    bytes += char(kCharacterToByte[c.code]);
    text.remove_prefix(std::size_t(c.bytes));
  }
  return bytes;
}

}  // namespace leankv
