// What one request may ask of its answers: several at once, log probabilities, a grammar, stop strings.
#include <gtest/gtest.h>

#include <cmath>

#include "engine/scheduler_test_support.h"

namespace leankv::testing {
namespace {

// One prompt, several answers: each is what its seed alone gives, and the prompt is fed once.
TEST(SchedulerAnswersTest, SeveralAnswersShareThePrompt) {
  for (const char* policy : {"off", "ratio=4"}) {
    const auto request = [&](int n, uint64_t seed) {
      Request r = greedy_request(prompt_of(600, 9), 90, policy);
      r.sampling.temperature = 1;
      r.sampling.seed = seed;
      r.n = n;
      return r;
    };
    Harness several(serving_options());
    const RequestId id = several.submit(request(4, 50));
    several.run();
    EXPECT_EQ(several.scheduler().statistics().prompt_tokens, 600);
    for (int i = 0; i < 4; ++i) {
      Harness one(serving_options());
      const RequestId single = one.submit(request(1, 50 + uint64_t(i)));
      one.run();
      EXPECT_EQ(several.answer(id, i).tokens, one.answer(single).tokens) << policy << ' ' << i;
      EXPECT_EQ(several.answer(id, i).finish->cache.bytes(), one.answer(single).finish->cache.bytes()) << policy;
    }
    EXPECT_NE(several.answer(id, 0).tokens, several.answer(id, 1).tokens);
  }
}

// More answers than slots: those without one wait, and feed the prompt themselves.
TEST(SchedulerAnswersTest, MoreAnswersThanSlotsWait) {
  Harness harness(serving_options(16 << 20, 2));
  Request request = greedy_request(prompt_of(100, 9), 12);
  request.n = 5;
  const RequestId id = harness.submit(std::move(request));
  harness.run();
  for (int i = 1; i < 5; ++i) EXPECT_EQ(harness.answer(id, i).tokens, harness.answer(id, 0).tokens);
  EXPECT_EQ(harness.answer(id, 4).tokens.size(), 12u);
}

TEST(SchedulerAnswersTest, LogProbabilitiesAreThoseOfTheLogits) {
  Harness harness(serving_options());
  const std::vector<int> prompt = prompt_of(150, 3);
  Request request = greedy_request(prompt, 5);
  request.logprobs = 3;
  request.prompt_logprobs = true;
  const RequestId id = harness.submit(std::move(request));
  harness.run();
  const Heard& heard = harness.answer(id);
  const std::vector<TokenLogprobs>& of_prompt = harness.all(id).prompt->logprobs;
  ASSERT_EQ(of_prompt.size(), 149u);
  ASSERT_EQ(heard.logprobs.size(), 5u);
  std::vector<int> all = prompt;
  all.insert(all.end(), heard.tokens.begin(), heard.tokens.end());
  Engine engine(serving_options());
  Sequence sequence = started(engine, off_policy(), int(all.size()));
  std::vector<std::vector<float>> rows;  // fed as the scheduler does: chunks of the prompt, then single tokens
  for (std::size_t t = 0; t + 1 < all.size();) {
    const int n = t < prompt.size() ? int(std::min<std::size_t>(64, prompt.size() - t)) : 1;
    const ConstMatrix logits = engine.feed(sequence, std::span(all).subspan(t, std::size_t(n)), {}, n)->on_host();
    for (int r = 0; r < n; ++r) rows.emplace_back(logits.row_span(r).begin(), logits.row_span(r).end());
    t += std::size_t(n);
  }
  for (std::size_t t = 0; t + 1 < all.size(); ++t) {
    const std::span<const float> row = rows[t];
    double sum = 0;
    for (const float x : row) sum += std::exp(double(x));
    const TokenLogprobs& found = t + 1 < prompt.size() ? of_prompt[t] : heard.logprobs[t + 1 - prompt.size()];
    EXPECT_EQ(found.chosen.token, all[t + 1]);
    // Two roundings to float of numbers below 16: 2^-20 each; the sums in double add far less.
    EXPECT_NEAR(found.chosen.logprob, row[std::size_t(all[t + 1])] - std::log(sum), 0x1p-19);
    ASSERT_EQ(found.top.size(), 3u);
    EXPECT_EQ(found.top[0].token, int(std::ranges::max_element(row) - row.begin()));
    EXPECT_GE(found.top[1].logprob, found.top[2].logprob);
  }
}

// Even and odd tokens in turns.
class Alternating : public TokenMask {
 public:
  explicit Alternating(int vocabulary) : vocabulary_(vocabulary) {}
  void allow(std::span<uint64_t> allowed) override {
    for (int t = parity_; t < vocabulary_; t += 2) allowed[std::size_t(t) / 64] |= uint64_t(1) << t % 64;
  }
  void accept(int token) override {
    LEANKV_CHECK(token % 2 == parity_);
    parity_ = 1 - parity_;
  }
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<Alternating>(*this); }

 private:
  int vocabulary_, parity_ = 0;
};

class NothingAllowed : public TokenMask {
 public:
  void allow(std::span<uint64_t>) override {}
  void accept(int) override {}
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<NothingAllowed>(); }
};

TEST(SchedulerAnswersTest, AMaskDecidesWhatMayCome) {
  Harness harness(serving_options());
  Request request = greedy_request(prompt_of(30, 3), 20);
  request.sampling.temperature = 1;
  request.mask = std::make_unique<Alternating>(harness.engine().tokenizer().size());
  request.n = 2;
  const RequestId id = harness.submit(std::move(request));
  harness.run();
  for (const int choice : {0, 1}) {
    const Heard& heard = harness.answer(id, choice);
    ASSERT_EQ(heard.tokens.size(), 20u);
    for (std::size_t i = 0; i < heard.tokens.size(); ++i) EXPECT_EQ(heard.tokens[i] % 2, int(i % 2));
  }
}

// The error ends this request alone.
TEST(SchedulerAnswersTest, AMaskThatAllowsNothingIsAnErrorOfItsRequest) {
  Harness harness(serving_options());
  const RequestId other = harness.submit(greedy_request(prompt_of(30, 4), 20));
  Request request = greedy_request(prompt_of(30, 3), 20);
  request.mask = std::make_unique<NothingAllowed>();
  request.n = 3;
  const RequestId id = harness.submit(std::move(request));
  harness.run();
  ASSERT_TRUE(harness.all(id).error.has_value());
  EXPECT_EQ(harness.all(id).error->kind, ErrorKind::kBadRequest);
  EXPECT_EQ(harness.scheduler().statistics().failed, 3);
  EXPECT_EQ(harness.answer(other).tokens.size(), 20u);
  EXPECT_EQ(harness.used_pages(), 0u);
}

TEST(SchedulerAnswersTest, StopsAtAStopStringAndAtTheEndOfText) {
  Harness harness(serving_options());
  const RequestId free = harness.submit(greedy_request(prompt_of(60, 8), 20));
  harness.run();
  const std::string text = harness.answer(free).text;
  Request request = greedy_request(prompt_of(60, 8), 20);
  request.stop = {text.substr(text.size() / 2, 2)};
  const RequestId stopped = harness.submit(std::move(request));
  request = greedy_request(prompt_of(60, 8), 20);
  request.ignore_eos = false;
  request.sampling.biases = {{harness.engine().tokenizer().eos(), 1e6f}};
  const RequestId ended = harness.submit(std::move(request));
  const RequestId nothing = harness.submit(greedy_request(prompt_of(60, 8), 0));
  harness.run();
  EXPECT_EQ(harness.answer(stopped).finish->reason, FinishReason::kStop);
  EXPECT_EQ(harness.answer(stopped).text, text.substr(0, text.find(text.substr(text.size() / 2, 2))));
  EXPECT_EQ(harness.answer(ended).finish->reason, FinishReason::kStop);
  EXPECT_EQ(harness.answer(ended).tokens.size(), 1u);
  EXPECT_EQ(harness.answer(ended).text, "");
  EXPECT_EQ(harness.answer(nothing).finish->reason, FinishReason::kLength);
  EXPECT_TRUE(harness.answer(nothing).tokens.empty());
  EXPECT_TRUE(harness.all(nothing).prompt.has_value());
}

}  // namespace
}  // namespace leankv::testing
