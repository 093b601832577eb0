// What Python's str does, on UTF-8: the unit is the character.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leankv::jinja {

enum class Side { kLeft, kRight, kBoth };

bool is_white_space(char32_t code);                                      // str.isspace
std::string_view strip(std::string_view text, Side side = Side::kBoth);  // of white space
std::string_view strip(std::string_view text, std::string_view characters, Side side);
int64_t count_characters(std::string_view text);
std::string_view characters(std::string_view text, int64_t first, int64_t count);  // REQUIRES both >= 0
std::string upper(std::string_view text);  // Unicode's simple mappings, and U+00DF becomes "SS"
std::string lower(std::string_view text);
std::string title(std::string_view text);       // a capital after every character without case
std::string capitalize(std::string_view text);  // the first character
std::string replace(std::string_view text, std::string_view from, std::string_view to, int64_t at_most,
                    std::size_t limit);
std::string unescape(std::string_view literal);  // of a string literal: \n, \t, \", \xhh, \uhhhh
std::string number_text(double value);           // repr(float)

}  // namespace leankv::jinja
