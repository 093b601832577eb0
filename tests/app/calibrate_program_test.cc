// `leankv calibrate` and the use of what it writes, as a user sees them.
#include <gmock/gmock.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "app/program.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

const std::string kTiny = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf";

// A folder with a model and a text, and no cache folder of the user's.
class CalibrateProgram : public test::ProgramTest {
 protected:
  CalibrateProgram() {
    std::filesystem::copy_file(kTiny, path("tiny.gguf"), std::filesystem::copy_options::overwrite_existing);
    std::ofstream text(path("text.txt"));
    for (int i = 0; i < 400; ++i) text << "line " << i * i % 97 << " of a text about nothing, ";
  }
  test::Finished calibrate(const std::string& more = "") const {
    return call("calibrate -m '" + path("tiny.gguf") + "' --text '" + path("text.txt") + "' " + more);
  }
  test::Finished generate(const std::string& more = "") const {
    return call("generate -m '" + path("tiny.gguf") + "' -p x -n 1 " + more);
  }
  std::string beside() const { return path("tiny.leankv.json"); }

 private:
  test::Finished call(const std::string& arguments) const {
    return run(arguments, "", "LEANKV_CACHE='" + path("") + "cache'");
  }
};

TEST_F(CalibrateProgram, WritesAFileThatIsUsed) {
  EXPECT_THAT(generate().err, HasSubstr("prior    none: leankv calibrate"));
  const test::Finished made = calibrate();
  ASSERT_EQ(made.code, 0) << made.err;
  EXPECT_THAT(made.out, HasSubstr("curves from"));
  const auto json = nlohmann::json::parse(test::whole_file(beside()));
  EXPECT_EQ(json["text"]["prompt_tokens"], 512);  // the model's context
  EXPECT_GT(json["text"]["prompts"], 1);
  EXPECT_EQ(json["curves"].size(),
            json["model"]["layers"].get<std::size_t>() * json["model"]["kv_heads"].get<std::size_t>());
  EXPECT_THAT(generate().err, HasSubstr("prior    " + beside()));
  EXPECT_THAT(generate("--kv-calibration off").err, HasSubstr("prior    none"));
  EXPECT_THAT(generate("--kv off").err, Not(HasSubstr("prior")));
  ASSERT_EQ(generate("--stats-json '" + path("stats") + "'").code, 0);
  EXPECT_EQ(nlohmann::json::parse(test::whole_file(path("stats")))["calibration"], beside());
}

TEST_F(CalibrateProgram, TwoRunsWriteTheSame) {
  ASSERT_EQ(calibrate("-t 1 -o '" + path("one") + "'").code, 0);
  ASSERT_EQ(calibrate("-t 2 -o '" + path("two") + "'").code, 0);
  EXPECT_EQ(test::whole_file(path("one")), test::whole_file(path("two")));
}

TEST_F(CalibrateProgram, AFileThatCannotBeUsedIsOneWarning) {
  std::ofstream(beside()) << "{\"format\": ";
  const test::Finished f = generate();
  EXPECT_EQ(f.code, 0) << f.err;
  EXPECT_THAT(f.err, HasSubstr("tiny.leankv.json: no calibration: not JSON; going on without it\n"));
  EXPECT_THAT(f.err, HasSubstr("prior    none"));
}

TEST_F(CalibrateProgram, ThatWasAskedForOrWithStrictItIsAnError) {
  std::ofstream(beside()) << "{}";
  for (const std::string& more : {std::string("--strict"), "--kv-calibration '" + beside() + "'",
                                  "--kv-calibration '" + path("not_there") + "'"}) {
    const test::Finished f = generate(more);
    EXPECT_EQ(f.code, 2) << more;
    EXPECT_EQ(std::ranges::count(f.err, '\n'), 1) << f.err;
  }
}

TEST_F(CalibrateProgram, ACalibrationOfAnotherModelIsNotUsed) {
  ASSERT_EQ(calibrate().code, 0);
  std::filesystem::copy_file(std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny2.gguf", path("tiny.gguf"),
                             std::filesystem::copy_options::overwrite_existing);
  EXPECT_THAT(generate().err, HasSubstr("made for another model (tiny.gguf)"));
}

TEST_F(CalibrateProgram, TooShortATextIsRefused) {
  std::ofstream(path("text.txt")) << "short";
  const test::Finished f = calibrate();
  EXPECT_EQ(f.code, 2);
  EXPECT_THAT(f.err, HasSubstr("at least 512"));
  EXPECT_FALSE(std::filesystem::exists(beside()));
}

}  // namespace
}  // namespace leankv
