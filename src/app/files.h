// Whole files, and JSON in them.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "base/files.h"

namespace leankv {

void write_json(const std::string& path, const nlohmann::ordered_json& json);  // bytes that are no UTF-8: as U+FFFD

}  // namespace leankv
