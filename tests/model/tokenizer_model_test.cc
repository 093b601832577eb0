// The vocabulary of the default model, read from its file where there is one.
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <string>

#include "model/tokenizer.h"
#include "tokenizer_golden.h"

namespace leankv {
namespace {

constexpr const char* kFileName = "SmolLM2-135M-Instruct.Q4_1.gguf";

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string model_path() {
  if (const std::string path = variable("LEANKV_MODEL"); !path.empty()) return path;
  if (const std::string cache = variable("LEANKV_CACHE"); !cache.empty()) return cache + "/" + kFileName;
  return variable("HOME") + "/.cache/leankv/" + kFileName;
}

TEST(TokenizerModel, GivesTheIdsOfTheTokenizersPackage) {
  const std::string path = model_path();
  if (std::filesystem::path(path).filename() != kFileName || !std::filesystem::exists(path)) {
    GTEST_SKIP() << kFileName << " is not there (looked for " << path << "); set LEANKV_MODEL to its path";
  }
  const GgufFile file(path);
  const Tokenizer tokenizer(read_vocabulary(file));
  ASSERT_EQ(tokenizer.size(), 49152);
  EXPECT_EQ(tokenizer.bos(), 1);
  EXPECT_EQ(tokenizer.eos(), 2);
  EXPECT_FALSE(tokenizer.adds_bos());
  EXPECT_TRUE(tokenizer.is_end_of_text(0));
  tests::expect_golden(tokenizer, tests::read_golden("tokenizer/model.json")["smollm"]);
}

}  // namespace
}  // namespace leankv
