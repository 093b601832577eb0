// What programs read out of answers.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace leankv {

// The first run of digits; empty where there is none.
std::string first_digits(std::string_view text);

}  // namespace leankv
