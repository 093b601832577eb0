// Answers of a tiny model with random weights: what is said does not matter, how it ends and adds up does.
#include "engine/generation.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "engine/conversation.h"

namespace leankv {
namespace {

EngineOptions tiny_options() {
  EngineOptions o;
  o.model_path = std::string(LEANKV_GOLDEN_DIR) + "/llama/tiny.gguf";
  o.threads = 1;
  o.context = 64;
  o.chunk = kSmallestChunk;
  return o;
}

GenerationOptions greedy(int max_tokens) {
  GenerationOptions o;
  o.sampling.temperature = 0;
  o.max_tokens = max_tokens;
  o.ignore_eos = true;
  return o;
}

const std::string kPrompt = "the king and the thing and the ring and the sing";

class GenerationTest : public ::testing::Test {
 protected:
  Generation answer(const GenerationOptions& options, const GenerationCallbacks& callbacks = {}) {
    const std::vector<int> prompt = engine_.tokenizer().encode(kPrompt, false);
    Sequence sequence = *engine_.start(off_policy(), int(prompt.size()), 1);
    const Generation g = generate(engine_, sequence, prompt, options, callbacks);
    fed_ = int(sequence.tokens.size()), prompt_ = int(prompt.size());
    return g;
  }

  Engine engine_{tiny_options()};
  int fed_ = 0, prompt_ = 0;
};

TEST_F(GenerationTest, EndsAtMaxTokensAndCounts) {
  const Generation g = answer(greedy(7));
  EXPECT_EQ(g.finish, FinishReason::kLength);
  EXPECT_EQ(g.tokens.size(), 7u);
  EXPECT_EQ(g.timings.predicted_n, 7);
  EXPECT_EQ(g.timings.prompt_n, prompt_);
  EXPECT_EQ(fed_, prompt_ + 6);  // the last token is not fed
}

TEST_F(GenerationTest, StreamsWhatItReturns) {
  std::string streamed;
  double fed = 0;
  const Generation g = answer(greedy(20), {.text = [&](std::string_view t) { streamed += t; },
                                           .prefill = [&](double done) { fed = done; },
                                           .should_stop = {}});
  EXPECT_EQ(streamed, g.text);
  EXPECT_EQ(fed, 1);
}

TEST_F(GenerationTest, EndsWhenTheContextIsFull) {
  const Generation g = answer(greedy(-1));
  EXPECT_EQ(g.finish, FinishReason::kLength);
  EXPECT_EQ(int(g.tokens.size()), engine_.context() - prompt_);
}

TEST_F(GenerationTest, EndsAtAStopString) {
  const Generation free = answer(greedy(20));
  ASSERT_GT(free.text.size(), 4u);
  GenerationOptions o = greedy(20);
  o.stop = {free.text.substr(2, 2)};
  const Generation stopped = answer(o);
  EXPECT_EQ(stopped.finish, FinishReason::kStop);
  EXPECT_EQ(stopped.text, free.text.substr(0, free.text.find(o.stop[0])));
  EXPECT_LT(stopped.tokens.size(), free.tokens.size());
}

TEST_F(GenerationTest, EndsAtAnEndOfTextTokenUnlessIgnored) {
  GenerationOptions o = greedy(20);
  o.sampling.biases = {{engine_.tokenizer().eos(), 1e6f}};
  EXPECT_EQ(answer(o).finish, FinishReason::kLength);
  o.ignore_eos = false;
  const Generation g = answer(o);
  EXPECT_EQ(g.finish, FinishReason::kStop);
  EXPECT_EQ(g.tokens, std::vector{engine_.tokenizer().eos()});
  EXPECT_EQ(g.text, "");
}

TEST_F(GenerationTest, EndsAtTheCallersWishInTheAnswerAndInThePrompt) {
  int asked = 0;
  const Generation later = answer(greedy(20), {.text = {}, .prefill = {}, .should_stop = [&] { return ++asked > 9; }});
  EXPECT_EQ(later.finish, FinishReason::kCancelled);
  EXPECT_LT(later.tokens.size(), 20u);
  EXPECT_GT(later.tokens.size(), 0u);
  const Generation at_once = answer(greedy(20), {.text = {}, .prefill = {}, .should_stop = [] { return true; }});
  EXPECT_EQ(at_once.finish, FinishReason::kCancelled);
  EXPECT_TRUE(at_once.tokens.empty());
  EXPECT_EQ(fed_, std::min(prompt_, kSmallestChunk));
}

TEST_F(GenerationTest, ZeroTokensOnlyFeedsThePrompt) {
  const Generation g = answer(greedy(0));
  EXPECT_EQ(g.finish, FinishReason::kLength);
  EXPECT_TRUE(g.tokens.empty());
  EXPECT_EQ(fed_, prompt_);
}

TEST_F(GenerationTest, RefusesAPromptWithoutRoomBeforeFeedingIt) {
  const std::vector<int> prompt(64, 5);
  Sequence sequence = *engine_.start(off_policy(), 10, 1);
  EXPECT_THROW(generate(engine_, sequence, prompt, greedy(5)), Error);
  EXPECT_THROW(generate(engine_, sequence, {}, greedy(5)), Error);
  EXPECT_TRUE(sequence.tokens.empty());
}

// A pool that holds the prompt and little more: the answer ends early and says why.
TEST(Generation, EndsWhenThePoolIsExhausted) {
  EngineOptions o = tiny_options();
  Engine roomy(o);
  const std::vector<int> prompt = roomy.tokenizer().encode(kPrompt, false);
  const int64_t page = roomy.cache().page_bytes(), per_page = roomy.cache().layout(TierId::kK16V16).tokens;
  const int64_t pages = (int64_t(prompt.size()) + per_page) / per_page * roomy.cache().shape().heads();
  o.pool_bytes = (pages + roomy.cache().reserve_pages()) * page;
  Engine engine(o);
  Sequence sequence = *engine.start(off_policy(), int(prompt.size()), 1);
  const Generation g = generate(engine, sequence, prompt, greedy(-1));
  EXPECT_EQ(g.finish, FinishReason::kMemory);
  EXPECT_LT(int(g.tokens.size()), engine.context() - int(prompt.size()));
  EXPECT_GT(g.tokens.size(), 0u);
}

TEST(WhatFollows, IsTheRestOfAProperBeginning) {
  EXPECT_EQ(what_follows("ab", "abc"), "c");
  EXPECT_EQ(what_follows("", "abc"), "abc");
  EXPECT_EQ(what_follows("abc", "abc"), std::nullopt);  // nothing to feed, so no logits
  EXPECT_EQ(what_follows("ax", "abc"), std::nullopt);
  EXPECT_EQ(what_follows("abcd", "abc"), std::nullopt);
}

TEST(Conversation, FeedsOnlyWhatIsNew) {
  Engine engine(tiny_options());
  Conversation conversation(engine, off_policy());
  const std::string first = "the king";
  const Generation one = conversation.answer(first, greedy(3), {});
  EXPECT_EQ(conversation.reused_tokens(), 0);
  const int held = int(conversation.sequence()->tokens.size());

  const std::string second = engine.tokenizer().decode(conversation.sequence()->tokens, true) + " and the ring";
  const Generation two = conversation.answer(second, greedy(3), {});
  EXPECT_EQ(conversation.reused_tokens(), held);
  EXPECT_EQ(two.timings.prompt_n, int(engine.tokenizer().encode(" and the ring", true).size()));

  conversation.answer("another beginning", greedy(1), {});
  EXPECT_EQ(conversation.reused_tokens(), 0);
  EXPECT_EQ(engine.tokenizer().decode(conversation.sequence()->tokens, true), "another beginning");
}

// A prompt that was interrupted is not continued with another one, for whose length nothing was planned: here it would
// never be brought from 16 bits to the tier that was asked for.
TEST(Conversation, APromptThatWasInterruptedIsFedAnew) {
  EngineOptions options = tiny_options();
  options.policy = uniform_policy(TierId::kQ8Q4);
  options.policy.minimum_tokens = 0;
  Engine engine(options);
  Conversation conversation(engine, options.policy);
  const std::string document = kPrompt + " and the king";
  ASSERT_GT(engine.tokenizer().encode(document, true).size(), std::size_t(kSmallestChunk));
  GenerationCallbacks stopping;
  stopping.should_stop = [] { return true; };
  conversation.answer(document + " and the ring", greedy(1), stopping);
  EXPECT_EQ(int(conversation.sequence()->tokens.size()), kSmallestChunk);

  conversation.answer(document + " and the sing", greedy(1), {});
  EXPECT_EQ(conversation.reused_tokens(), 0);
  const CacheUsage usage = engine.usage(*conversation.sequence());
  EXPECT_EQ(usage.tiers[int(TierId::kK16V16)].tokens, 0);
  EXPECT_GT(usage.tiers[int(TierId::kQ8Q4)].tokens, 0);
}

TEST(Conversation, RefusesAPolicyThatThePoolWasNotMadeFor) {
  Engine engine(tiny_options());
  Conversation conversation(engine, off_policy());
  EXPECT_THROW(conversation.restart(forecast_policy(4)), Error);
  EXPECT_EQ(conversation.policy(), off_policy());
}

}  // namespace
}  // namespace leankv
