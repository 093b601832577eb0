// `-hf` from the command line to the answer.
#include <gmock/gmock.h>

#include "app/download/sha256.h"
#include "app/hub_server.h"
#include "app/program.h"

namespace leankv {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;
using ::testing::Not;

class DownloadProgram : public test::ProgramTest {
 protected:
  DownloadProgram() {
    hub_.files["tiny-Q8_0.gguf"] = test::whole_file(std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny2.gguf");
    hub_.sha256["tiny-Q8_0.gguf"] = sha256_of_text(hub_.files["tiny-Q8_0.gguf"]);
  }

  test::Finished run_with_hub(const std::string& arguments, const std::string& more = "") const {
    return run(arguments, "",
               "no_proxy='*' LEANKV_MODEL= HF_TOKEN= HF_ENDPOINT=" + hub_.url() + " LEANKV_CACHE='" + path("cache") +
                   "' " + more);
  }

  test::TestHub hub_;
};

TEST_F(DownloadProgram, GeneratesWithAModelOfTheHub) {
  ASSERT_TRUE(hub_.ready());
  const std::string file = path("cache") + "/hub/me/tiny/tiny-Q8_0.gguf";
  const std::string arguments = "generate -t 1 -hf me/tiny:Q8_0 --ignore-eos -n 3 --seed 1 -p 'the king'";
  const test::Finished first = run_with_hub(arguments);
  EXPECT_EQ(first.code, 0) << first.err;
  EXPECT_THAT(first.err, AllOf(HasSubstr("downloading " + hub_.url()), HasSubstr("to " + file),
                               HasSubstr("model    tiny-Q8_0.gguf"), Not(HasSubstr("["))));  // no bar: no terminal
  EXPECT_EQ(test::whole_file(file), hub_.files["tiny-Q8_0.gguf"]);
  hub_.stop();
  const test::Finished offline = run_with_hub(arguments);
  EXPECT_EQ(offline.code, 0) << offline.err;
  EXPECT_EQ(offline.out, first.out);
  EXPECT_THAT(offline.err, Not(HasSubstr("downloading")));
  // The variable of another model gives way to the command line.
  EXPECT_THAT(run_with_hub("inspect --hf-repo me/tiny:q8_0", "LEANKV_MODEL=/no/such.gguf").out,
              HasSubstr("token_embd.weight"));
  const test::Finished absent = run_with_hub("inspect -hf me/tiny:F16");
  EXPECT_EQ(absent.code, 2);
  EXPECT_EQ(absent.out, "");
  EXPECT_THAT(absent.err, AllOf(HasSubstr("leankv: me/tiny: "), HasSubstr("cannot be reached")));
}

TEST_F(DownloadProgram, RefusesInOneLine) {
  const test::Finished f = run_with_hub("generate -p x -hf me/tiny:Q4_1");
  EXPECT_EQ(f.code, 2);
  EXPECT_EQ(f.err,
            "leankv: me/tiny: has no file of the form Q4_1; of what is there these can be read: tiny-Q8_0.gguf\n");
  EXPECT_THAT(run_with_hub("inspect -hff x.gguf").err, HasSubstr("-hff names a file of -hf's repository"));
  EXPECT_THAT(run_with_hub("bench -hf me/tiny --shape llama-3-8b").err, HasSubstr("--shape both choose the model"));
}

}  // namespace
}  // namespace leankv
