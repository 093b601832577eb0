// The program with the default model, where there is one.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "app/default_model.h"
#include "app/program.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;

class GenerateModel : public test::ProgramTest {
 protected:
  void SetUp() override {
    try {
      model_ = test::default_model();
    } catch (const Error& error) {
      GTEST_SKIP() << error.what() << "; or set LEANKV_MODEL";
    }
  }

  nlohmann::json generate(const std::string& kv, const std::string& more) const {
    const test::Finished f = run("generate -m '" + model_ + "' --kv " + kv + " --temp 0 " + more + " --stats-json '" +
                                 path("stats.json") + "'");
    EXPECT_EQ(f.code, 0) << f.err;
    const auto stats = nlohmann::json::parse(test::whole_file(path("stats.json")), nullptr, false);
    EXPECT_FALSE(stats.is_discarded());
    EXPECT_EQ(f.out, stats.value("answer", "") + "\n");
    return stats;
  }

  std::string model_;
};

TEST_F(GenerateModel, AnswersAtOffAndSafe) {
  for (const char* kv : {"off", "safe"}) {
    const nlohmann::json stats = generate(kv, "--chat -n 16 -p 'What is the capital of France?'");
    EXPECT_THAT(stats["answer"].get<std::string>(), HasSubstr("Paris")) << kv;
    EXPECT_GT(stats["prompt_tokens"], 10);
    EXPECT_GT(stats["timings"]["predicted_n"], 0);
  }
}

// 700 tokens or more: long enough to be judged. At off nothing is saved: half-filled pages cost a little.
TEST_F(GenerateModel, SafeIsSmallerThanOff) {
  std::string text;
  for (int i = 0; i < 120; ++i) text += "The harbour ledger names ship " + std::to_string(i * 37 % 101) + ". ";
  std::ofstream(path("prompt")) << text;
  const std::string more = "-n 4 -f '" + path("prompt") + "'";
  const nlohmann::json off = generate("off", more), safe = generate("safe", more);
  EXPECT_GE(off["prompt_tokens"], 700);
  EXPECT_LE(off["ratio_page_true"], 1.0);
  EXPECT_EQ(off["pruned"], 0);
  EXPECT_GT(safe["ratio_page_true"], 2.0);  // the target of 3.3 less half-filled pages and the fresh tokens
  EXPECT_LT(safe["bytes_page_true"], off["bytes_page_true"]);
  EXPECT_EQ(safe["bytes_16bit"], off["bytes_16bit"]);
}

}  // namespace
}  // namespace leankv
