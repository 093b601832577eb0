// A long prompt of the default model in a pool that holds a third, and a sixth, of its 16-bit cache.
#include <gtest/gtest.h>

#include <fstream>
#include <iterator>

#include "app/default_model.h"
#include "base/error.h"
#include "engine/engine.h"

namespace leankv {
namespace {

constexpr int kPromptTokens = 8000;

class LongPromptModel : public ::testing::Test {
 protected:
  void SetUp() override {
    try {
      options_.model_path = test::default_model();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what() << "; or set LEANKV_MODEL";
    }
    options_.policy = parse_policy("safe");
    options_.activations = Activations::kInt8;
  }

  // The demonstration's document, twice: 8,668 tokens.
  static std::vector<int> prompt(const Tokenizer& tokenizer) {
    std::ifstream file(std::string(LEANKV_GOLDEN_DIR) + "/../../docs/demo/lighthouse.txt");
    const std::string text((std::istreambuf_iterator<char>(file)), {});
    std::vector<int> tokens = tokenizer.encode(text + text, false);
    EXPECT_GE(tokens.size(), std::size_t(kPromptTokens));
    tokens.resize(kPromptTokens);
    return tokens;
  }

  static int64_t bytes_16bit(const Engine& engine) {
    return kPromptTokens * engine.cache().shape().bytes_per_token_16bit();
  }

  // The whole prompt and a few tokens more; pages never beyond the pool, none left afterwards.
  void expect_fits(int share, double least_ratio) {
    constexpr int64_t kBytesOfDefaultModel = int64_t(kPromptTokens) * 30 * 3 * 64 * 4;
    options_.pool_bytes = kBytesOfDefaultModel / share;
    Engine engine(options_);
    ASSERT_EQ(bytes_16bit(engine), kBytesOfDefaultModel);
    {
      std::optional<Sequence> sequence = engine.start(options_.policy, kPromptTokens, 16);
      ASSERT_TRUE(sequence);
      ASSERT_TRUE(engine.feed(*sequence, prompt(engine.tokenizer())));
      EXPECT_GE(engine.usage(*sequence).ratio(), least_ratio);
      for (int i = 0; i < 16; ++i) ASSERT_TRUE(engine.feed(*sequence, std::vector<int>{i + 100}));
      EXPECT_LE(engine.cache().high_water_bytes(), options_.pool_bytes);
      engine.cache().check_integrity();
    }
    EXPECT_EQ(engine.cache().used_pages(), 0u);
  }

  EngineOptions options_;
};

TEST_F(LongPromptModel, FitsAThirdOfItsCache) { expect_fits(3, 3.3 * .98); }
TEST_F(LongPromptModel, FitsASixthOfItsCache) { expect_fits(6, 6); }

TEST_F(LongPromptModel, WhatCannotFitIsRefusedWithBothNumbers) {
  options_.pool_bytes = 10 << 20;
  Engine engine(options_);
  try {
    engine.start(options_.policy, kPromptTokens, 16);
    FAIL() << "not refused";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kDoesNotFit);
    EXPECT_NE(std::string(error.what()).find(std::to_string(engine.cache().pool_bytes())), std::string::npos);
    EXPECT_NE(std::string(error.what()).find("needs at least"), std::string::npos);
  }
}

}  // namespace
}  // namespace leankv
