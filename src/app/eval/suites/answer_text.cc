#include "app/eval/suites/answer_text.h"

namespace leankv {
namespace {

constexpr std::string_view kDigits = "0123456789";

}  // namespace

std::string first_digits(std::string_view text) {
  const std::size_t begin = text.find_first_of(kDigits);
  if (begin == text.npos) return "";
  return std::string(text.substr(begin, text.find_first_not_of(kDigits, begin) - begin));
}

}  // namespace leankv
