// Whole numbers between two bounds, digit by digit.
#pragma once

#include "server/grammar/json_rules.h"
#include "server/grammar/schema_words.h"

namespace leankv {

inline constexpr int64_t kLargestInteger = 999'999'999'999'999;  // 15 digits: JavaScript's numbers hold it

struct IntegerRange {
  int64_t least = -kLargestInteger, most = kLargestInteger;
  bool bounded() const { return least != -kLargestInteger || most != kLargestInteger; }
};

// Of minimum, maximum and their exclusive forms. Throws where no number is left.
IntegerRange integer_range(const Json& schema, const std::string& place);
RuleId draw_integers(JsonRules& rules, const IntegerRange& range);

}  // namespace leankv
