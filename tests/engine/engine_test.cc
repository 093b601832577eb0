// What a step computes must not depend on how the work is cut, nor on who else is in it.
#include "engine/engine.h"

#include <gtest/gtest.h>

#include <limits>

#include "base/error.h"
#include "engine/engine_test_support.h"

namespace leankv::testing {
namespace {

std::vector<float> logits_of(const EngineOptions& options, const std::vector<int>& prompt) {
  Engine engine(options);
  Sequence sequence = started(engine, options.policy, int(prompt.size()));
  return copy_of(engine.feed(sequence, prompt).value());
}

TEST(EngineTest, ThreadsAndChunksChangeNoBit) {
  struct Cut {
    int threads, chunk;
  };
  EngineOptions options = tiny_options("tiny2.gguf");
  const std::vector<int> prompt = prompt_of(300, 1);
  const std::vector<float> expected = logits_of(options, prompt);
  ASSERT_EQ(expected.size(), 288u);
  for (const auto& [threads, chunk] : {Cut{1, 16}, Cut{1, 64}, Cut{2, 16}, Cut{2, 512}, Cut{3, 64}}) {
    options.threads = threads, options.chunk = chunk;
    EXPECT_EQ(logits_of(options, prompt), expected) << threads << " threads, chunk " << chunk;
  }
}

// A chunk's last row is never left alone, or it would be computed like an answer's tokens, whose sums have another
// order.
TEST(EngineTest, NoRowOfAPromptIsAlone) {
  EngineOptions options = tiny_options();
  const std::vector<int> prompt = prompt_of(129, 1);
  options.chunk = 512;
  const std::vector<float> expected = logits_of(options, prompt);
  for (const int chunk : {16, 64}) {
    options.chunk = chunk;
    EXPECT_EQ(logits_of(options, prompt), expected) << "chunk " << chunk;
  }
}

// A single token's attention sums the same products in another order. Stored halves may then round to the other
// neighbour, 2^-10 of a value at most; logits of attention here are below 8, so a probability moves by at most 8 times
// that share and an output by 9 times, in each of 2 layers, of logits below 4: .07. Float roundings are far below.
TEST(EngineTest, TokenByTokenIsThePromptAtOnce) {
  EngineOptions options = tiny_options();
  options.activations = Activations::kF32;
  const std::vector<int> prompt = prompt_of(70, 2);
  Engine engine(options);
  Sequence sequence = started(engine, off_policy(), 70);
  std::vector<float> last;
  for (const int token : prompt) last = copy_of(engine.feed(sequence, {&token, 1}).value());
  const std::vector<float> expected = logits_of(options, prompt);
  ASSERT_EQ(last.size(), expected.size());
  for (std::size_t i = 0; i < last.size(); ++i) EXPECT_NEAR(last[i], expected[i], 2 * 9 * 0x1p-10 * 4) << i;
}

// Several sequences in every step, prompts and single tokens mixed, each with its own policy.
TEST(EngineTest, SequencesOfOneStepDoNotTouchEachOther) {
  EngineOptions options = tiny_options("tiny2.gguf");
  options.sequences = 3;
  options.threads = 2;
  options.other_policies = {uniform_policy(TierId::kK8V8), uniform_policy(TierId::kQ4Q4)};
  options.pool_bytes = 16 << 20;
  const std::vector<Policy> policies = {off_policy(), uniform_policy(TierId::kK8V8), uniform_policy(TierId::kQ4Q4)};
  const std::vector<std::vector<int>> prompts = {prompt_of(60, 3), prompt_of(41, 4), prompt_of(77, 5)};
  const std::vector<int> first = {30, 1, 40};  // tokens of each in the first step; one token each afterwards
  Engine together(options);
  std::vector<Sequence> sequences;
  for (std::size_t i = 0; i < 3; ++i) sequences.push_back(started(together, policies[i], 200));
  std::vector<std::vector<float>> actual(3), expected(3);
  const auto step = [&](int from, int rows) {
    std::vector<StepInput> inputs;
    for (std::size_t i = 0; i < 3; ++i) {
      const int at = from == 0 ? 0 : first[i] + from - 1;
      inputs.push_back({&sequences[i], std::span(prompts[i]).subspan(at, rows == 0 ? first[i] : rows), 1});
    }
    const std::vector<float> logits = copy_of(together.step(inputs).value());
    for (std::size_t i = 0; i < 3; ++i) {
      actual[i].insert(actual[i].end(), logits.begin() + std::ptrdiff_t(i) * 288,
                       logits.begin() + std::ptrdiff_t(i + 1) * 288);
    }
  };
  step(0, 0);
  for (int n = 1; n <= 20; ++n) step(n, 1);
  for (std::size_t i = 0; i < 3; ++i) {
    Engine alone(options);
    Sequence sequence = started(alone, policies[i], 200);
    for (int n = 0; n <= 20; ++n) {
      const auto tokens =
          n == 0 ? std::span(prompts[i]).first(first[i]) : std::span(prompts[i]).subspan(first[i] + n - 1, 1);
      const StepInput input{&sequence, tokens, 1};
      const std::vector<float> logits = copy_of(alone.step({&input, 1}).value());
      expected[i].insert(expected[i].end(), logits.begin(), logits.end());
    }
    EXPECT_EQ(actual[i], expected[i]) << i;
  }
}

TEST(EngineTest, WantedLogitsAreThoseOfTheLastTokens) {
  const std::vector<int> prompt = prompt_of(50, 6);
  Engine engine(tiny_options());
  Sequence sequence = started(engine, off_policy(), 50);
  const Logits all = engine.feed(sequence, prompt, {}, 50).value();
  ASSERT_EQ(all.rows(), 50);
  const std::vector<float> logits = copy_of(all);
  for (const int n : {2, 17, 49}) {  // one row alone is attended to on the codes, with other roundings
    const std::vector<float> one = logits_of(tiny_options(), {prompt.begin(), prompt.begin() + n});
    EXPECT_EQ(std::vector<float>(logits.begin() + (n - 1) * 288, logits.begin() + n * 288), one);
  }
}

TEST(EngineTest, StopsWhenAsked) {
  EngineOptions options = tiny_options();
  options.chunk = 16;
  Engine engine(options);
  Sequence sequence = started(engine, off_policy(), 100);
  std::vector<double> seen;
  const auto two_chunks = [&](double done) { return seen.push_back(done), seen.size() < 2; };
  EXPECT_FALSE(engine.feed(sequence, prompt_of(100, 7), two_chunks).has_value());
  EXPECT_EQ(seen, (std::vector<double>{0.16, 0.32}));
  EXPECT_EQ(sequence.tokens.size(), 32u);
}

std::string refusal(Engine& engine, const Policy& policy, int prompt, int more, ErrorKind kind) {
  try {
    engine.start(policy, prompt, more);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind);
    return error.what();
  }
  ADD_FAILURE() << "nothing was refused";
  return "";
}

TEST(EngineTest, RefusesWhatTheContextDoesNotHold) {
  EngineOptions options = tiny_options();
  options.context = 100;  // the pool that comes with it holds it whole
  Engine engine(options);
  EXPECT_EQ(engine.context(), 100);
  {
    Sequence whole = started(engine, off_policy(), 60, 40);
    EXPECT_TRUE(engine.feed(whole, prompt_of(100, 15)).has_value());
  }
  const std::string message = refusal(engine, off_policy(), 60, 41, ErrorKind::kBadRequest);
  EXPECT_NE(message.find("101 tokens"), std::string::npos) << message;
  EXPECT_NE(message.find("100 (--ctx-size)"), std::string::npos) << message;
  refusal(engine, off_policy(), 0, 1, ErrorKind::kBadRequest);
  refusal(engine, off_policy(), 60, std::numeric_limits<int>::max(), ErrorKind::kBadRequest);
}

TEST(EngineTest, RefusesWhatThePoolCanNeverHold) {
  EngineOptions options = tiny_options();
  options.pool_bytes = 400 << 10;
  Engine engine(options);
  // 66 bytes a token in 4 heads: 1,800 tokens need more than 475,200 bytes.
  const std::string message = refusal(engine, off_policy(), 1700, 100, ErrorKind::kDoesNotFit);
  EXPECT_NE(message.find(std::to_string(engine.cache().pool_bytes())), std::string::npos) << message;
  EXPECT_NE(message.find("1700"), std::string::npos) << message;
  EXPECT_TRUE(engine.start(off_policy(), 500, 0).has_value());
}

TEST(EngineTest, OneSlotIsOneSequence) {
  Engine engine(tiny_options());
  std::optional<Sequence> first = engine.start(off_policy(), 10, 0);
  ASSERT_TRUE(first.has_value());
  EXPECT_FALSE(engine.start(off_policy(), 10, 0).has_value());
  first.reset();
  EXPECT_TRUE(engine.start(off_policy(), 10, 0).has_value());
}

TEST(EngineTest, RefusesOptionsThatMeanNothing) {
  const auto kind_of = [](EngineOptions options) {
    try {
      Engine engine(options);
    } catch (const Error& error) {
      return error.kind();
    }
    return ErrorKind::kBadFile;
  };
  EngineOptions options = tiny_options();
  options.backend = "abacus";
  EXPECT_EQ(kind_of(options), ErrorKind::kBadOption);
  options = tiny_options();
  options.chunk = kSmallestChunk - 1;
  EXPECT_EQ(kind_of(options), ErrorKind::kBadOption);
  options = tiny_options();
  options.context = -1;
  EXPECT_EQ(kind_of(options), ErrorKind::kBadOption);
}

}  // namespace
}  // namespace leankv::testing
