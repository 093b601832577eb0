#include "loader/describe.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <sstream>

#include "loader/file_bytes.h"
#include "loader/printable.h"

namespace leankv {
namespace {

using ::testing::ContainsRegex;
using ::testing::HasSubstr;

std::string description() {
  std::ostringstream text;
  describe(GgufFile(test::golden_path("gguf/tiny.gguf")), text);
  return text.str();
}

TEST(Describe, ShowsMetadataWithLongArraysCut) {
  const std::string text = description();
  EXPECT_THAT(text, HasSubstr("tiny.gguf: GGUF version 3, "));
  EXPECT_THAT(text, HasSubstr(" bytes, 27 keys, 14 tensors\n"));
  EXPECT_THAT(text, ContainsRegex("general.architecture +string +\"test\"\n"));
  EXPECT_THAT(text, ContainsRegex("test.i64 +i64 +-9223372036854775808\n"));
  EXPECT_THAT(text, ContainsRegex("test.true +bool +true\n"));
  EXPECT_THAT(text, ContainsRegex("test.array.f32 +f32.3. +0.5, -0.25, 3\n"));
  EXPECT_THAT(text,
              ContainsRegex("test.array.string +string.8. +\"a\", \"\", \"Ġthe\", \"b\", \"c\", \"d\", \\.\\.\\.\n"));
  EXPECT_THAT(text, HasSubstr("\"Grüße\\n\""));
}

TEST(Describe, ShowsEveryTensorAndTheTotals) {
  const std::string text = description();
  EXPECT_THAT(text, ContainsRegex("q4_1 +Q4_1 +32 x 14 +280\n"));
  EXPECT_THAT(text, ContainsRegex("q3_k +Q3_K +256 x 1 +110\n"));
  EXPECT_THAT(text, ContainsRegex("cube +F32 +3 x 2 x 2 +48\n"));
  EXPECT_THAT(text, HasSubstr("F32: 3 tensors"));
  EXPECT_THAT(text, ContainsRegex("Q3_K: 1 tensors.*not read by this program"));
}

TEST(Printable, CutsBetweenCharacters) {
  EXPECT_EQ(printable("abc", 3), "abc");
  EXPECT_EQ(printable("abcd", 3), "abc...");
  EXPECT_EQ(printable("ab\u0120d", 3), "ab...");
  EXPECT_EQ(printable("\u0120", 0), "...");
}

TEST(Printable, EscapesControlCharacters) {
  EXPECT_EQ(printable("a\n\t\x1b\x7f"), "a\\n\\t\\x1b\\x7f");
  EXPECT_EQ(printable("\u009b31m"), "\\xc2\\x9b31m");
  EXPECT_EQ(printable("\u00a0\u0120"), "\u00a0\u0120");
}

}  // namespace
}  // namespace leankv
