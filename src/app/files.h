// Whole files.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>

namespace leankv {

std::string read_file(const std::string& path);  // "-" is stdin. Throws kBadFile.
// Under another name first, so that nothing half-written stands there. Throws kBadFile.
void write_file(const std::string& path, std::string_view text);
void write_json(const std::string& path, const nlohmann::ordered_json& json);  // bytes that are no UTF-8: as U+FFFD

}  // namespace leankv
