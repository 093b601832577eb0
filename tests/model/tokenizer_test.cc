#include "model/tokenizer.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <random>

#include "base/error.h"
#include "tokenizer_golden.h"

namespace leankv {
namespace {

using testing::HasSubstr;
using tests::small_vocabulary;

std::string name_of(const testing::TestParamInfo<const char*>& row) {
  std::string name = row.param;
  std::ranges::replace(name, '-', '_');
  return name;
}

class EveryPreTokenizer : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Tokenizer, EveryPreTokenizer,
                         testing::Values("smollm", "gpt-2", "llama-bpe", "qwen2", "deepseek-r1-qwen", "tekken"),
                         name_of);
// Those that do not compose characters, so that texts come back as they were.
class ExactPreTokenizer : public testing::TestWithParam<const char*> {};
INSTANTIATE_TEST_SUITE_P(Tokenizer, ExactPreTokenizer,
                         testing::Values("smollm", "gpt-2", "llama-bpe", "deepseek-r1-qwen", "tekken"), name_of);

TEST_P(EveryPreTokenizer, GivesTheIdsOfTheTokenizersPackage) {
  const Tokenizer tokenizer(small_vocabulary(GetParam()));
  tests::expect_golden(tokenizer, tests::read_golden("tokenizer/small.json")[GetParam()]);
}

TEST_P(ExactPreTokenizer, ReturnsEveryTextOfTheGoldens) {
  const Tokenizer tokenizer(small_vocabulary(GetParam()));
  const auto golden = tests::read_golden("tokenizer/small.json");
  for (const auto& row : golden[GetParam()]) {
    const std::string text = tests::golden_text(row);
    tests::expect_returned(tokenizer, text);
  }
}

TEST_P(ExactPreTokenizer, ReturnsRandomBytes) {
  tests::expect_random_bytes_returned(Tokenizer(small_vocabulary(GetParam())));
}

// The definition of byte pair encoding, followed to the letter: merge the best pair, the leftmost first.
std::vector<int> merge_slowly(const Tokenizer& tokenizer, const Vocabulary& v, std::vector<int> ids) {
  const auto id_of = [&](const std::string& token) {
    return int(std::ranges::find(v.tokens, token) - v.tokens.begin());
  };
  for (const std::string& merge : v.merges) {
    const std::size_t space = merge.find(' ');
    const int left = id_of(merge.substr(0, space)), right = id_of(merge.substr(space + 1));
    const int merged = id_of(merge.substr(0, space) + merge.substr(space + 1));
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
      if (ids[i] != left || ids[i + 1] != right) continue;
      ids[i] = merged;
      ids.erase(ids.begin() + std::ptrdiff_t(i) + 1);
    }
  }
  EXPECT_FALSE(tokenizer.decode(ids).empty());
  return ids;
}

TEST(Tokenizer, MergesAsTheDefinitionSays) {
  const Vocabulary v = small_vocabulary("gpt-2");
  const Tokenizer tokenizer(v);
  std::mt19937 random(2);
  for (int round = 0; round < 20; ++round) {
    std::string word;
    for (int i = 0; i < 30; ++i) word += "etahonrs"[random() % 8];
    std::vector<int> bytes;
    for (char c : word) bytes.push_back(tokenizer.find(std::string_view(&c, 1)));
    EXPECT_EQ(tokenizer.encode(word, false), merge_slowly(tokenizer, v, bytes)) << word;
  }
}

// An algorithm with n^2 steps would take hours here; the test's time limit sees it.
TEST(Tokenizer, TakesMegabytesOfOneLetter) {
  const Tokenizer tokenizer(small_vocabulary("smollm"));
  for (const char letter : {'a', ' ', '7', '\n', '\xff', '<', '!'}) {
    const std::string text(1 << 20, letter);
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text, true)), text);
  }
}

TEST(Tokenizer, ComposesCharactersForQwen) {
  const Tokenizer qwen(small_vocabulary("qwen2")), distilled(small_vocabulary("deepseek-r1-qwen"));
  EXPECT_EQ(qwen.decode(qwen.encode("e\u0301", false)), "\u00e9");
  EXPECT_EQ(distilled.decode(distilled.encode("e\u0301", false)), "e\u0301");
  std::string marks = "e";  // sorted pair by pair they would take 10^11 steps
  for (int i = 0; i < 1 << 19; ++i) marks += i % 2 == 0 ? "\u0301" : "\u0323";
  EXPECT_EQ(qwen.decode(qwen.encode(marks, false)), marks);
}

TEST(Tokenizer, NamesOfOnePatternAreTheSame) {
  const std::string text = "It's 12345, isn't it?  No.\n";
  const std::vector<int> ids = Tokenizer(small_vocabulary("llama-bpe")).encode(text, false);
  for (const char* name : {"llama3", "llama-v3"}) EXPECT_EQ(Tokenizer(small_vocabulary(name)).encode(text, false), ids);
}

TEST(Tokenizer, LeavesOutBytesWithoutAToken) {
  Vocabulary v;
  v.model = "gpt2", v.pre = "gpt-2";
  v.tokens = {"a", "b", "ab"};
  v.merges = {"a b"};
  const Tokenizer tokenizer(v);
  EXPECT_EQ(tokenizer.encode("a?b", false), (std::vector<int>{0, 1}));  // three pieces
  EXPECT_EQ(tokenizer.encode("aéb", false), (std::vector<int>{2}));     // one piece, whose neighbours then merge
  EXPECT_TRUE(tokenizer.has_byte('a'));
  EXPECT_FALSE(tokenizer.has_byte('?'));
}

TEST(Tokenizer, KnowsItsSpecialTokens) {
  Vocabulary v = small_vocabulary("smollm");
  const int first = int(v.tokens.size()) - 4;  // <|endoftext|>, <|im_start|>, <|im_end|>, <|im_end|>x
  v.bos = first + 1, v.eos = first + 2, v.add_bos = true;
  const Tokenizer tokenizer(v);
  EXPECT_EQ(tokenizer.bos(), first + 1);
  EXPECT_TRUE(tokenizer.adds_bos());
  EXPECT_TRUE(tokenizer.is_control(first));
  EXPECT_FALSE(tokenizer.is_control(0));
  EXPECT_TRUE(tokenizer.is_end_of_text(first));
  EXPECT_TRUE(tokenizer.is_end_of_text(tokenizer.eos()));
  EXPECT_FALSE(tokenizer.is_end_of_text(first + 1));
  EXPECT_EQ(tokenizer.piece(first), "");
  EXPECT_EQ(tokenizer.piece(first, true), "<|endoftext|>");
  EXPECT_EQ(tokenizer.find("<|im_end|>"), first + 2);
  EXPECT_EQ(tokenizer.find("no such token"), -1);
}

TEST(Tokenizer, FindsUserDefinedTokensInEveryText) {
  Vocabulary v = small_vocabulary("smollm");
  v.tokens.push_back("<think> \n");
  v.types.push_back(int(TokenType::kUserDefined));
  const Tokenizer tokenizer(v);
  const int id = tokenizer.size() - 1;
  EXPECT_EQ(tokenizer.encode("<think> \n", false), std::vector<int>{id});
  EXPECT_EQ(tokenizer.piece(id), "<think> \n");
}

TEST(Tokenizer, RefusesWhatItDoesNotKnow) {
  const auto error_of = [](auto change) {
    Vocabulary v = small_vocabulary("smollm");
    change(v);
    try {
      const Tokenizer tokenizer(v);
    } catch (const Error& e) {
      return std::pair(e.kind(), std::string(e.what()));
    }
    return std::pair(ErrorKind::kBadOption, std::string("no error"));
  };
  EXPECT_THAT(
      error_of([](Vocabulary& v) { v.model = "bert"; }),
      testing::Pair(ErrorKind::kUnsupported, HasSubstr("gpt2 (byte-level byte pair encoding), llama (SentencePiece)")));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.pre = "viking"; }),
              testing::Pair(ErrorKind::kUnsupported, HasSubstr("gpt-2, llama-bpe, llama3, llama-v3, smollm, qwen2")));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.merges.push_back("q zzz"); }),
              testing::Pair(ErrorKind::kBadFile, HasSubstr("merge \"q zzz\"")));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.merges.push_back("qzzz"); }),
              testing::Pair(ErrorKind::kBadFile, HasSubstr("qzzz")));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.types.pop_back(); }),
              testing::Pair(ErrorKind::kBadFile, HasSubstr("token types")));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.eos = int(v.tokens.size()); }),
              testing::Pair(ErrorKind::kBadFile, HasSubstr("special token")));
  EXPECT_THAT(error_of([](Vocabulary& v) { v.tokens.clear(), v.types.clear(); }),
              testing::Pair(ErrorKind::kBadFile, HasSubstr("size")));
}

}  // namespace
}  // namespace leankv
