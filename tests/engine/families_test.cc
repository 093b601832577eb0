// Models of other architectures than llama under a compressed cache: their keys are stored behind biases, norms of
// heads and rotation, so compression sees no difference.
#include <gtest/gtest.h>

#include <cmath>
#include <numeric>

#include "engine/engine_test_support.h"

namespace leankv::testing {
namespace {

constexpr int kPrompt = 700, kForced = 40;  // tokens: past the least that is judged; what then reads the judged cache

struct Outcome {
  std::vector<float> logits;  // [kForced, vocabulary]
  std::vector<int64_t> tokens_by_list;
  double ratio = 1;
};

Outcome outcome_of(const std::string& model, const std::string& backend, const Policy& policy) {
  EngineOptions options = tiny_options("../qwen/" + model);
  options.backend = backend;
  options.activations = Activations::kF32;
  options.policy = policy;
  options.pool_bytes = 16 << 20;
  Engine engine(options);
  Sequence sequence = started(engine, policy, kPrompt, kForced + 1);
  const std::vector<int> prompt = prompt_of(kPrompt + kForced, 21);
  EXPECT_TRUE(engine.feed(sequence, {prompt.begin(), prompt.begin() + kPrompt}).has_value());
  Outcome outcome{{}, tokens_by_list(engine, sequence), engine.usage(sequence).ratio()};
  const StepInput forced{&sequence, std::span(prompt).last(kForced), kForced};
  outcome.logits = copy_of(engine.step({&forced, 1}).value());
  engine.cache().check_integrity();
  return outcome;
}

double deviation(const std::vector<float>& a, const std::vector<float>& b) {
  EXPECT_EQ(a.size(), b.size());
  double squares = 0;
  for (std::size_t i = 0; i < a.size(); ++i) squares += (double(a[i]) - b[i]) * (double(a[i]) - b[i]);
  return std::sqrt(squares / double(a.size()));
}

class FamiliesTest : public ::testing::TestWithParam<const char*> {};

// Keys and values of the two backends differ by float rounding: of values of size 1 to 4 by far less than 1e-4, after
// two layers. A code falls to the other side only from so near to the middle of two: at 4 bits steps are about 0.3, so
// fewer than 0.1 % of the codes do, and a sum over many codes moves by less than sqrt(0.1 %), 3 %, of what rounding all
// of them moves it by.
TEST_P(FamiliesTest, ACompressedCacheSaysWhatTheReferenceSays) {
  const Policy policy = parse_policy("K4V4");
  const Outcome off = outcome_of(GetParam(), "cpu", off_policy());
  const Outcome cpu = outcome_of(GetParam(), "cpu", policy), reference = outcome_of(GetParam(), "reference", policy);
  EXPECT_EQ(cpu.tokens_by_list, reference.tokens_by_list);
  EXPECT_GT(cpu.ratio, 2.5);
  const double lost = deviation(reference.logits, off.logits);
  EXPECT_GT(lost, 0);
  EXPECT_LT(deviation(cpu.logits, reference.logits), 0.03 * lost);
}

// Significance and curves are measured on such keys. A token changes its list where float rounding lifts its
// significance over a threshold: as rare as for codes, 0.1 %.
TEST_P(FamiliesTest, APolicyChoosesWhatItChoosesOnTheReference) {
  const Policy policy = parse_policy("ratio=4");
  const Outcome cpu = outcome_of(GetParam(), "cpu", policy), reference = outcome_of(GetParam(), "reference", policy);
  EXPECT_GE(cpu.ratio, 4);
  EXPECT_GE(reference.ratio, 4);
  ASSERT_EQ(cpu.tokens_by_list.size(), reference.tokens_by_list.size());
  const double all = double(std::accumulate(cpu.tokens_by_list.begin(), cpu.tokens_by_list.end(), int64_t(0)));
  for (std::size_t list = 0; list < cpu.tokens_by_list.size(); ++list) {
    EXPECT_NEAR(double(cpu.tokens_by_list[list]), double(reference.tokens_by_list[list]), 0.001 * all) << list;
  }
}

INSTANTIATE_TEST_SUITE_P(Models, FamiliesTest, ::testing::Values("qwen2.gguf", "qwen3.gguf"),
                         [](const auto& one) { return std::string(one.param, 5); });

}  // namespace
}  // namespace leankv::testing
