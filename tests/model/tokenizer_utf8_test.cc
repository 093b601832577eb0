#include <gtest/gtest.h>

#include <random>

#include "model/utf8.h"

namespace leankv {
namespace {

std::string through_stream(std::string_view text, std::size_t step) {
  Utf8Stream stream;
  std::string out;
  for (std::size_t i = 0; i < text.size(); i += step) out += stream.push(text.substr(i, step));
  return out + stream.flush();
}

TEST(Utf8, ReadsBackEveryCharacter) {
  for (char32_t code = 0; code <= 0x10FFFF; ++code) {
    std::string text;
    append_utf8(text, code);
    const Utf8Character c = read_utf8(text);
    const bool is_surrogate = code >= 0xD800 && code <= 0xDFFF;
    ASSERT_EQ(c.state == Utf8State::kValid, !is_surrogate) << std::hex << uint32_t(code);
    if (!is_surrogate) {
      ASSERT_EQ(c.code, code);
      ASSERT_EQ(std::size_t(c.bytes), text.size());
    }
  }
}

TEST(Utf8Stream, HoldsBackTheBeginningOfACharacter) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
  EXPECT_EQ(stream.push("\x98"), "");
  EXPECT_EQ(stream.push("\x80z"), "\xF0\x9F\x98\x80z");
  EXPECT_EQ(stream.flush(), "");
}

TEST(Utf8Stream, ReplacesWhatNeverBecomesACharacter) {
  Utf8Stream stream;
  EXPECT_EQ(stream.push("\xE4\xB8"), "");
  EXPECT_EQ(stream.flush(), "\uFFFD");
  EXPECT_EQ(stream.push("\xAD"), "\uFFFD");  // starts afresh after flush
}

// Expected: what Python's bytes.decode("utf-8", "replace") gives.
TEST(Utf8Stream, ReplacesMaximalPrefixes) {
  const std::pair<std::string_view, std::string_view> cases[] = {
      {"\xFF", "\uFFFD"},
      {"\xC0\xAF", "\uFFFD\uFFFD"},
      {"\xED\xA0\x80", "\uFFFD\uFFFD\uFFFD"},
      {"\xF4\x90\x80\x80", "\uFFFD\uFFFD\uFFFD\uFFFD"},
      {"\xE4\xB8x", "\uFFFDx"},
      {"\xF0\x9F\x98\xF0\x9F\x98\x80", "\uFFFD\U0001F600"},
      {"\xE0\x80\x80", "\uFFFD\uFFFD\uFFFD"},
      {"a\xC3", "a\uFFFD"},
  };
  for (const auto& [bytes, expected] : cases) {
    EXPECT_EQ(through_stream(bytes, 1), expected);
    EXPECT_EQ(through_stream(bytes, bytes.size()), expected);
  }
}

TEST(Utf8Stream, DoesNotDependOnWhereThePiecesAreCut) {
  std::mt19937 random(3);
  for (int round = 0; round < 500; ++round) {
    std::string text(1 + random() % 20, ' ');
    for (char& c : text) c = "\xC3\xA9\xE4\xB8\xAD\xF0\x9F\x98\x80\xED\xFF az"[random() % 14];
    const std::string whole = through_stream(text, text.size());
    for (std::size_t step = 1; step < 4; ++step) EXPECT_EQ(through_stream(text, step), whole);
  }
}

}  // namespace
}  // namespace leankv
