// Grammars over the vocabulary of the default model, where there is one.
#include <cstdlib>
#include <filesystem>

#include "server/grammar_walks.h"
#include "server/schema_cases.h"
#include "server/schema_oracle.h"

namespace leankv {
namespace {

std::string model_path() {
  const auto variable = [](const char* name) {
    return std::string(std::getenv(name) == nullptr ? "" : std::getenv(name));
  };
  if (const std::string path = variable("LEANKV_MODEL"); !path.empty()) return path;
  const std::string cache = variable("LEANKV_CACHE");
  return (cache.empty() ? variable("HOME") + "/.cache/leankv" : cache) + "/SmolLM2-135M-Instruct.Q4_1.gguf";
}

TEST(GrammarModel, EveryWalkThatEndsParsesAndValidates) {
  if (!std::filesystem::exists(model_path())) GTEST_SKIP() << "no model at " << model_path() << "; set LEANKV_MODEL";
  const GgufFile file(model_path());
  const Tokenizer tokenizer(read_vocabulary(file));
  const auto tree = std::make_shared<const TokenTree>(tokenizer);
  int ended = 0, walks = 0;
  for (const char* schema : test::kSchemas) {
    const test::Json root = test::Json::parse(schema);
    const auto grammar = std::make_shared<const Grammar>(schema_automaton(root), tree);
    for (unsigned seed = 0; seed < 4; ++seed, ++walks) {
      const test::WalkedText walked = test::walk(grammar, seed, 150, 15);
      if (!walked.ended) continue;
      ++ended;
      const test::Json value = test::Json::parse(walked.text, nullptr, false);
      ASSERT_FALSE(value.is_discarded()) << schema << "\n" << walked.text;
      EXPECT_TRUE(test::validates(root, root, value)) << schema << "\n" << walked.text;
    }
  }
  EXPECT_GT(ended, walks / 2);
}

}  // namespace
}  // namespace leankv
