#include "app/eval/suites/answer_text.h"

#include <algorithm>

namespace leankv {
namespace {

constexpr std::string_view kDigits = "0123456789";

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Where the number that begins at `at` ends; a comma or point belongs to it between digits.
std::size_t number_end(std::string_view text, std::size_t at) {
  while (at < text.size()) {
    const bool joins = (text[at] == ',' || text[at] == '.') && at + 1 < text.size() && is_digit(text[at + 1]);
    if (!is_digit(text[at]) && !joins) break;
    ++at;
  }
  return at;
}

std::string in_one_form(std::string_view digits, bool negative) {
  std::string number(digits);
  std::erase(number, ',');
  if (number.find('.') != number.npos) {
    number.erase(number.find_last_not_of('0') + 1);
    if (number.ends_with('.')) number.pop_back();
  }
  const std::size_t first = std::min(number.find_first_not_of('0'), number.size());
  const bool whole_is_zero = first == number.size() || number[first] == '.';
  number.erase(0, whole_is_zero && first > 0 ? first - 1 : first);
  return negative && number != "0" ? "-" + number : number;
}

// A minus counts where no digit or letter precedes it: "5-3" has no -3.
bool has_minus(std::string_view text, std::size_t at) {
  if (at == 0 || text[at - 1] != '-') return false;
  if (at == 1) return true;
  const char before = text[at - 2];
  return before == ' ' || before == '$' || before == '=' || before == '\n' || before == '(';
}

}  // namespace

std::string first_digits(std::string_view text) {
  const std::size_t begin = text.find_first_of(kDigits);
  if (begin == text.npos) return "";
  return std::string(text.substr(begin, text.find_first_not_of(kDigits, begin) - begin));
}

std::string last_number(std::string_view text) {
  std::string last;
  for (std::size_t at = text.find_first_of(kDigits); at != text.npos;) {
    const std::size_t end = number_end(text, at);
    last = in_one_form(text.substr(at, end - at), has_minus(text, at));
    at = text.find_first_of(kDigits, end);
  }
  return last;
}

std::string number_after(std::string_view text, std::string_view mark) {
  std::size_t at = text.find(mark);
  if (at == text.npos) return "";
  at += mark.size();
  while (at < text.size() && (text[at] == ' ' || text[at] == '$' || text[at] == '-')) ++at;
  if (at == text.size() || !is_digit(text[at])) return "";
  return in_one_form(text.substr(at, number_end(text, at) - at), text[at - 1] == '-');
}

std::string without_notes(std::string_view text) {
  std::string plain;
  while (!text.empty()) {
    const std::size_t begin = text.find("<<");
    plain += text.substr(0, begin);
    const std::size_t end = begin == text.npos ? begin : text.find(">>", begin);
    if (end == text.npos) break;
    text.remove_prefix(end + 2);
  }
  return plain;
}

// The body of a function is indented; the first line that is not, and not blank, is something else.
std::string_view code_body(std::string_view answer) {
  for (std::size_t at = answer.find('\n'); at != answer.npos; at = answer.find('\n', at + 1)) {
    if (at + 1 == answer.size()) break;
    const char next = answer[at + 1];
    if (next != ' ' && next != '\t' && next != '\n' && next != '\r') return answer.substr(0, at + 1);
  }
  return answer;
}

}  // namespace leankv
