// JSON that a person can read and git can compare: what fits a line stands on one.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

namespace leankv {

inline constexpr int kJsonLine = 240;  // characters, without the indentation

// The value, without a line break behind it. Bytes that are not UTF-8 become U+FFFD.
std::string json_text(const nlohmann::ordered_json& value, int indentation = 0);

}  // namespace leankv
