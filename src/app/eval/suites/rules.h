// Rules for the form of an answer that a system prompt can state and a program can check.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace leankv {

struct FormRule {
  std::string_view name;
  std::string_view words;                          // of the system prompt
  std::string (*applied)(std::string_view plain);  // a plain sentence in this form
  bool (*obeyed)(std::string_view answer);
};

std::span<const FormRule> form_rules();

// Whether the words stand in the text, whatever their case.
bool mentions(std::string_view text, std::string_view words);

}  // namespace leankv
