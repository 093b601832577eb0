// Text from a file, made safe to print in one line.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace leankv {

// At most max_bytes of the text, cut between UTF-8 characters and then marked with "..."; control characters, which
// could drive a terminal, become escapes.
std::string printable(std::string_view text, std::size_t max_bytes = 80);

}  // namespace leankv
