// Whole files.
#pragma once

#include <string>
#include <string_view>

namespace leankv {

std::string read_file(const std::string& path);  // "-" is stdin. Throws kBadFile.
// Under another name first, so that nothing half-written stands there. Throws kBadFile.
void write_file(const std::string& path, std::string_view bytes);

}  // namespace leankv
