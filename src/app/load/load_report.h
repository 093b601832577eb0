// A load's result as a table for people and as JSON for programs.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "app/load/load.h"

namespace leankv {

std::string load_to_text(const LoadOptions& options, const LoadResult& result);
nlohmann::ordered_json load_to_json(const LoadOptions& options, const LoadResult& result);

}  // namespace leankv
