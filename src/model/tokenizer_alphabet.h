// GPT-2's byte alphabet: every byte has one printable character, and tokens are written in these characters.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

namespace leankv {

char32_t byte_character(uint8_t byte);
// The bytes that a token's text stands for; nullopt when a character of it is not in the alphabet.
std::optional<std::string> bytes_of_characters(std::string_view text);

}  // namespace leankv
