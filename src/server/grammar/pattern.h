// The regular expressions of JSON Schema's `pattern`, inside a JSON string.
#pragma once

#include "server/grammar/json_rules.h"
#include "server/grammar/schema_words.h"

namespace leankv {

// Draws the characters of a string that the pattern matches, behind the quote, and returns where they end. Held to:
// literals, ., classes of ASCII, \d \w \s and their opposites, groups, |, * + ? {m,n}, and ^ and $ at the ends of the
// whole; without them any text may stand before or behind, as in JSON Schema. Throws for everything else.
NodeId draw_pattern(JsonRules& rules, NodeId from, const std::string& pattern, const std::string& place);

// Of date, time, date-time, uuid. Throws for other formats.
std::string pattern_of_format(const std::string& format, const std::string& place);

}  // namespace leankv
