// The whole command on a tiny model.
#include <gmock/gmock.h>

#include <nlohmann/json.hpp>

#include "app/program.h"

namespace leankv {
namespace {

using ::testing::AllOf;
using ::testing::HasSubstr;

const std::string kTiny = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny2.gguf";

class Bench : public test::ProgramTest {
 protected:
  nlohmann::json measure(const std::string& arguments) const {
    const test::Finished f = run("bench -t 1 --repeat 2 --steps 8 --chunk 64 --json '" + path("j") + "' " + arguments);
    EXPECT_EQ(f.code, 0) << f.err;
    EXPECT_THAT(f.out, AllOf(HasSubstr("memory is read at"), HasSubstr("decode tok/s")));
    return nlohmann::json::parse(test::whole_file(path("j")));
  }
};

TEST_F(Bench, MeasuresEveryPoint) {
  const auto points = measure("-m '" + kTiny + "' --depths 100,0 --batches 2,1 --kv off,K8V8,small --phases");
  ASSERT_EQ(points.size(), 12u);  // depths ascending, in each batches ascending, in each the caches as given
  EXPECT_EQ(points[0]["depth"], 0);
  EXPECT_EQ(points[11]["kv"], "small");
  for (const auto& p : points) {
    EXPECT_GT(p["decode_tok_s"], 0);
    EXPECT_GT(p["prefill_tok_s"], 0);
    EXPECT_GT(p["share_of_peak"], 0);
    EXPECT_EQ(p["fill"], "real");
    EXPECT_EQ(p["prompt_tok_s"].is_null(), p["depth"] == 0);
    EXPECT_TRUE(p["phases"].contains("decode"));
  }
  // Two sequences read the weights once and twice the cache of one.
  const auto bytes = [&](int i) { return points[std::size_t(i)]["bytes_per_step"].get<double>(); };
  EXPECT_LT(bytes(9), 2 * bytes(6));
  EXPECT_GT(bytes(9), bytes(6));
  EXPECT_LT(bytes(7), bytes(6)) << "K8V8 is smaller than 16 bit";
}

// The model's context has 512 tokens.
TEST_F(Bench, FillsPagesBeyondTheContextAndJudgesWhatItComputes) {
  const auto points = measure("-m '" + kTiny + "' --depths 700 --batches 1 --kv off,safe --fill real");
  EXPECT_NEAR(points[1]["ratio_page_true"], 3.3, 0.4);  // a small head's pages and tables weigh more
  const auto synthetic = measure("-m '" + kTiny + "' --depths 1500 --batches 2 --kv off,safe");
  EXPECT_EQ(synthetic[1]["fill"], "synthetic");
  EXPECT_LT(synthetic[1]["bytes_per_step"], synthetic[0]["bytes_per_step"]);
}

TEST_F(Bench, SaysWhereThereIsNoGpu) {
  const test::Finished f = run("bench --device cuda --kernels --depths 100 --batches 1");
  if (f.code == 0) GTEST_SKIP() << "there is a GPU here";
  EXPECT_THAT(f.err, HasSubstr("--device cuda: "));
}

TEST_F(Bench, SaysWhatIsWrong) {
  const auto refused = [&](const std::string& arguments, const std::string& what) {
    const test::Finished f = run("bench " + arguments);
    EXPECT_EQ(f.code, 2) << arguments;
    EXPECT_THAT(f.err, HasSubstr(what)) << arguments;
  };
  refused("-m '" + kTiny + "' --depths 1,x", "'x' is not a whole number");
  refused("-m '" + kTiny + "' --kv offf", "offf");
  refused("-m '" + kTiny + "' --shape llama-3-8b", "-m and --shape");
  refused("--shape llama-5", "llama-3-8b");
  refused("-m '" + kTiny + "' --depths 5000 --kv forecast+ratio=5", "no mix of tiers is recorded");
  refused("-m '" + kTiny + "' extra", "unexpected argument 'extra'");
  refused("--kernels", "are those of --device cuda");
  refused("serve --url http://127.0.0.1:1 --no-progress", "Connection refused");
  refused("serve --url ftp://x", "must begin with http://");
  refused("serve --extra 1", "is no JSON object");
  refused("serve --depths 1", "unknown option --depths");
}

}  // namespace
}  // namespace leankv
