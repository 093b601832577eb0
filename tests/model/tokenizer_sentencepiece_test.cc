// SentencePiece vocabularies against the ids of the `sentencepiece` package (tools/make_tokenizer_goldens.py).
#include "model/tokenizer_sentencepiece.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>

#include "base/error.h"
#include "model/utf8.h"
#include "tokenizer_golden.h"

namespace leankv {
namespace {

using testing::HasSubstr;

Vocabulary golden_vocabulary() {
  return read_vocabulary(GgufFile(std::string(LEANKV_GOLDEN_DIR) + "/tokenizer/sentencepiece.gguf"));
}

// Tokens as they stand, then <unk>, <s>, </s> and the 256 bytes; scores fall from token to token.
Vocabulary vocabulary_of(const std::vector<std::string>& tokens) {
  Vocabulary v;
  v.model = "llama";
  v.tokens = tokens;
  v.types.assign(tokens.size(), int(TokenType::kNormal));
  const auto add = [&](const std::string& token, TokenType type) {
    v.tokens.push_back(token);
    v.types.push_back(int(type));
  };
  add("<unk>", TokenType::kUnknown);
  add("<s>", TokenType::kControl);
  add("</s>", TokenType::kControl);
  constexpr char kDigits[] = "0123456789ABCDEF";
  for (int byte = 0; byte < 256; ++byte) {
    add(std::string("<0x") + kDigits[byte / 16] + kDigits[byte % 16] + ">", TokenType::kByte);
  }
  for (std::size_t i = 0; i < v.tokens.size(); ++i) v.scores.push_back(-float(i));
  return v;
}

TEST(SentencePiece, GivesTheIdsOfItsPackage) {
  const Tokenizer tokenizer(golden_vocabulary());
  tests::expect_golden(tokenizer, tests::read_golden("tokenizer/sentencepiece.json")["cases"]);
}

TEST(SentencePiece, ReturnsEveryTextOfTheGoldens) {
  const Tokenizer tokenizer(golden_vocabulary());
  const auto golden = tests::read_golden("tokenizer/sentencepiece.json");
  for (const auto& row : golden["cases"]) {
    const std::string text = tests::golden_text(row);
    if (text.find("▁") != text.npos) continue;  // becomes a space
    tests::expect_returned(tokenizer, text);
  }
}

TEST(SentencePiece, ReturnsRandomBytes) { tests::expect_random_bytes_returned(Tokenizer(golden_vocabulary())); }

TEST(SentencePiece, ReadsWhatTheFileSays) {
  const Vocabulary v = golden_vocabulary();
  const Tokenizer tokenizer(v);
  EXPECT_EQ(v.scores.size(), v.tokens.size());
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_TRUE(tokenizer.adds_bos());  // its default
  EXPECT_TRUE(tokenizer.is_end_of_text(2));
  EXPECT_TRUE(tokenizer.is_control(0));
  EXPECT_EQ(tokenizer.piece(1, true), "<s>");
  for (int byte = 0; byte < 256; ++byte) EXPECT_TRUE(tokenizer.has_byte(uint8_t(byte)));
}

TEST(SentencePiece, BytesOfACharacterStreamAsOne) {
  const Tokenizer tokenizer(golden_vocabulary());
  const std::vector<int> ids = tokenizer.encode("a😀", false);
  ASSERT_EQ(ids.size(), 5u);  // the word and four bytes
  Utf8Stream stream;
  std::vector<std::string> shown;
  for (const int id : ids) shown.push_back(stream.push(tokenizer.piece(id)));
  EXPECT_EQ(shown, (std::vector<std::string>{" a", "", "", "", "😀"}));
}

TEST(SentencePiece, TheBestScoreMergesFirstAndOfEqualOnesTheLeftmost) {
  Vocabulary v = vocabulary_of({"a", "b", "c", "bc", "ab"});
  v.add_space_prefix = false;
  EXPECT_EQ(Tokenizer(v).encode("abc", false), (std::vector<int>{0, 3}));
  std::swap(v.scores[3], v.scores[4]);
  EXPECT_EQ(Tokenizer(v).encode("abc", false), (std::vector<int>{4, 2}));
  v.scores[3] = v.scores[4];
  EXPECT_EQ(Tokenizer(v).encode("abc", false), (std::vector<int>{4, 2}));
}

TEST(SentencePiece, TextBeginsWithASpaceUnlessItGoesOn) {
  Vocabulary v = vocabulary_of({"▁", "a", "▁a"});
  const Tokenizer tokenizer(v);
  const int bos = tokenizer.find("<s>");
  EXPECT_EQ(tokenizer.encode("a", false), std::vector<int>{2});
  EXPECT_EQ(tokenizer.encode(" a", false), (std::vector<int>{0, 2}));
  EXPECT_EQ(tokenizer.encode("a<s>a", true), (std::vector<int>{2, bos, 2}));
  EXPECT_EQ(tokenizer.encode("a<s>a", true, false), (std::vector<int>{1, bos, 2}));
  EXPECT_EQ(tokenizer.encode("", true), std::vector<int>());
  EXPECT_EQ(tokenizer.encode("<s>", true), std::vector<int>{bos});
  EXPECT_EQ(tokenizer.decode(std::vector<int>{2, 2, bos, 2}, true), "a a<s>a");
  v.add_space_prefix = false;
  EXPECT_EQ(Tokenizer(v).encode("a", false), std::vector<int>{1});
  EXPECT_EQ(Tokenizer(v).decode(std::vector<int>{2, 2}), " a a");
}

TEST(SentencePiece, FindsUserDefinedTokensInEveryText) {
  Vocabulary v = vocabulary_of({"▁", "<", "x", ">", "▁<"});
  v.tokens.push_back("<x>");
  v.types.push_back(int(TokenType::kUserDefined));
  v.scores.push_back(-1000);
  const int id = int(v.tokens.size()) - 1;
  EXPECT_EQ(Tokenizer(v).encode("<x><", false), (std::vector<int>{id, 4}));
}

TEST(SentencePiece, WithoutBytesUnknownCharactersAreOneToken) {
  Vocabulary v = vocabulary_of({"a"});
  v.add_space_prefix = false;
  v.tokens.resize(4), v.types.resize(4), v.scores.resize(4);
  EXPECT_EQ(Tokenizer(v).encode("aéüa", false), (std::vector<int>{0, 1, 0}));
}

// An algorithm with n^2 steps would take hours here; the test's time limit sees it.
TEST(SentencePiece, TakesMegabytesOfOneLetter) {
  const Tokenizer tokenizer(golden_vocabulary());
  for (const char letter : {'a', ' ', '7', '\xff'}) {
    const std::string text(1 << 20, letter);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, true)), text);
  }
}

TEST(SentencePiece, RefusesWhatContradictsItself) {
  const auto error_of = [](auto change) {
    Vocabulary v = golden_vocabulary();
    change(v);
    try {
      const Tokenizer tokenizer(v);
    } catch (const Error& e) {
      return std::string(e.what());
    }
    return std::string("no error");
  };
  EXPECT_THAT(error_of([](Vocabulary& v) { v.scores.pop_back(); }), HasSubstr("scores"));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.scores[5] = NAN; }), HasSubstr("score is no number"));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.tokens[5] = "<0xZZ>"; }), HasSubstr("<0xZZ>"));
}

}  // namespace
}  // namespace leankv
