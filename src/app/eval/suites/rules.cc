#include "app/eval/suites/rules.h"

#include <algorithm>
#include <nlohmann/json.hpp>

#include "base/letter_case.h"
#include "base/trimmed.h"

namespace leankv {
namespace {

constexpr std::string_view kBegin = "Dear friend,";
constexpr std::string_view kEnd = "BANANA";

std::string in_capitals(std::string_view plain) { return upper(std::string(plain)); }
bool has_only_capitals(std::string_view answer) {
  return !trimmed(answer).empty() && std::ranges::none_of(answer, [](char c) { return c >= 'a' && c <= 'z'; });
}

std::string with_begin(std::string_view plain) { return std::string(kBegin) + " " + std::string(plain); }
bool has_begin(std::string_view answer) { return trimmed(answer).starts_with(kBegin); }

std::string with_end(std::string_view plain) { return std::string(plain) + " " + std::string(kEnd); }
bool has_end(std::string_view answer) {
  std::string_view text = trimmed(answer);
  while (text.ends_with('.') || text.ends_with('!')) text.remove_suffix(1);
  return text.ends_with(kEnd);
}

std::string as_json(std::string_view plain) { return nlohmann::json{{"answer", plain}}.dump(); }
bool is_json(std::string_view answer) {
  const auto json = nlohmann::json::parse(answer, nullptr, false);
  return json.is_object() && json.size() == 1 && json.contains("answer") && json["answer"].is_string();
}

std::string as_list(std::string_view plain) { return "- " + std::string(plain); }
bool is_list(std::string_view answer) { return trimmed(answer).starts_with("- "); }

constexpr FormRule kRules[] = {
    {"capitals", "Answer in capital letters only.", in_capitals, has_only_capitals},
    {"beginning", "Begin every answer with the words \"Dear friend,\".", with_begin, has_begin},
    {"last word", "End every answer with the word BANANA.", with_end, has_end},
    {"JSON", "Answer only with JSON of the form {\"answer\":\"...\"}.", as_json, is_json},
    {"dash", "Write every answer as a list whose lines begin with a dash.", as_list, is_list},
};

}  // namespace

std::span<const FormRule> form_rules() { return kRules; }

bool mentions(std::string_view text, std::string_view words) {
  const auto same = [](char a, char b) { return lower(a) == lower(b); };
  return words.empty() || !std::ranges::search(text, words, same).empty();
}

}  // namespace leankv
