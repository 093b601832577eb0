// The SHA-256 of a file.
#pragma once

#include <string>

namespace leankv {

std::string sha256_of_file(const std::string& path);  // 64 digits in lower case. Throws kBadFile.
std::string sha256_of_text(const std::string& text);

}  // namespace leankv
