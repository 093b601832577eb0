// What a user who mistyped a name may have meant.
#pragma once

#include <span>
#include <string_view>

namespace leankv {

std::size_t edit_distance(std::string_view a, std::string_view b);  // Levenshtein

// The known name with the smallest edit distance; empty when none is within a third of the name's length.
std::string_view nearest_name(std::string_view name, std::span<const std::string_view> known);

}  // namespace leankv
