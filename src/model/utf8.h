// UTF-8, strictly as in Unicode 15 table 3-7: no surrogates, no overlong forms, nothing above U+10FFFF.
#pragma once

#include <string>
#include <string_view>

namespace leankv {

inline constexpr std::string_view kReplacementCharacter = "\xEF\xBF\xBD";  // U+FFFD

enum class Utf8State {
  kValid,       // a whole character
  kInvalid,     // no continuation of the text makes it a character
  kIncomplete,  // the text ends inside what may become a character
};

struct Utf8Character {
  char32_t code = 0;
  int bytes = 0;  // 1 to 4; of a bad sequence: its longest prefix of a character, at least 1 (Unicode 15, section 3.9)
  Utf8State state = Utf8State::kInvalid;
};

Utf8Character read_utf8(std::string_view text);  // the first character. REQUIRES not empty
void append_utf8(std::string& text, char32_t code);
// Unicode's composed form; the text itself where marks follow each other without end. REQUIRES valid UTF-8.
std::string nfc(std::string_view text);

// Turns pieces of bytes into whole characters, for printing token by token.
class Utf8Stream {
 public:
  std::string push(std::string_view bytes);  // all that is decided; bad sequences become U+FFFD
  std::string flush();                       // what was held back, as U+FFFD; starts afresh

 private:
  std::string held_;  // the beginning of a character, at most 3 bytes
};

}  // namespace leankv
