// What programs read out of answers.
#pragma once

#include <string>
#include <string_view>

namespace leankv {

// The first run of digits; empty where there is none.
std::string first_digits(std::string_view text);

// Numbers as GSM8K writes them ("1,234", "-3", "2.50"), in one form: no commas, no zeros behind the point, no
// leading zeros ("1234", "-3", "2.5"). Empty where there is none.
std::string last_number(std::string_view text);
std::string number_after(std::string_view text, std::string_view mark);  // the one right behind the first mark

// GSM8K's solutions without their calculator notes: "2*3=<<2*3=6>>6" is "2*3=6".
std::string without_notes(std::string_view text);

// The answer as far as the code goes on, of a completion that may begin something else.
std::string_view code_body(std::string_view answer);

}  // namespace leankv
