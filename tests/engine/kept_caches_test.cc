// What an answer leaves in the cache: found by the request that goes on with it, in nobody's way.
#include "engine/kept_caches.h"

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/scheduler_test_support.h"

namespace leankv::testing {
namespace {

constexpr const char* kPolicies[] = {"off", "ratio=4", "paper", "K4V4"};
constexpr int kFirst = 600, kAnswer = 80, kMore = 50, kSecondAnswer = 30;

SchedulerOptions keeping(int caches) {
  SchedulerOptions options;
  options.kept_caches = caches;
  return options;
}

// The first turn's prompt and answer, and more.
std::vector<int> next_turn(const Harness& harness, RequestId first, std::vector<int> prompt, int more, unsigned seed) {
  const std::vector<int>& said = const_cast<Harness&>(harness).answer(first).tokens;
  prompt.insert(prompt.end(), said.begin(), said.end());
  for (int token : prompt_of(more, seed)) prompt.push_back(token);
  return prompt;
}

TEST(KeptCachesTest, TheNextTurnFeedsOnlyWhatIsNewAndSaysWhatOneSequenceSays) {
  for (const char* policy : kPolicies) {
    Harness harness(serving_options(), keeping(4));
    const std::vector<int> prompt = prompt_of(kFirst, 3);
    const RequestId first = harness.submit(greedy_request(prompt, kAnswer, policy));
    harness.run();
    EXPECT_EQ(harness.scheduler().kept().all().size(), 1u);
    const std::vector<int> turn = next_turn(harness, first, prompt, kMore, 4);
    const RequestId second = harness.submit(greedy_request(turn, kSecondAnswer, policy));
    harness.run();
    EXPECT_EQ(harness.answer(first).finish->reused_tokens, 0);
    // The last token that is sampled is not fed.
    EXPECT_EQ(harness.answer(second).finish->reused_tokens, kFirst + kAnswer - 1) << policy;
    EXPECT_EQ(harness.answer(second).finish->timings.prompt_n, kMore + 1) << policy;
    EXPECT_EQ(harness.answer(second).finish->prompt_tokens, kFirst + kAnswer + kMore) << policy;
    EXPECT_EQ(harness.scheduler().statistics().prompt_tokens, kFirst + kMore + 1) << policy;

    Engine engine(serving_options());
    Sequence sequence = started(engine, parse_policy(policy), kFirst, kAnswer);
    sequence.most_pages = harness.scheduler().kept().all().back().most_pages;
    GenerationOptions options{kAnswer, {}, true, {}};
    options.sampling.temperature = 0;
    EXPECT_EQ(harness.answer(first).tokens, generate(engine, sequence, prompt, options).tokens) << policy;
    options.max_tokens = kSecondAnswer;
    const std::span<const int> rest = std::span(turn).subspan(kFirst + kAnswer - 1);
    EXPECT_EQ(harness.answer(second).tokens, generate(engine, sequence, rest, options).tokens) << policy;
  }
}

TEST(KeptCachesTest, AreForRequestsThatGoOnWithTheSamePolicy) {
  Harness harness(serving_options(), keeping(8));
  const std::vector<int> prompt = prompt_of(kFirst, 3);
  const RequestId first = harness.submit(greedy_request(prompt, 5, "ratio=4"));
  harness.run();
  const std::vector<int> turn = next_turn(harness, first, prompt, kMore, 4);
  const auto reused = [&](Request request) {
    const RequestId id = harness.submit(std::move(request));
    harness.run();
    return harness.answer(id).finish->reused_tokens;
  };
  EXPECT_EQ(reused(greedy_request(turn, 1, "off")), 0);
  EXPECT_EQ(reused(greedy_request(prompt, 1, "ratio=4")), 0);  // the beginning alone: what follows cannot be taken out
  std::vector<int> mostly_new = turn;
  for (int token : prompt_of(kFirst, 6)) mostly_new.push_back(token);
  EXPECT_EQ(reused(greedy_request(mostly_new, 1, "ratio=4")), 0);
  std::vector<int> other = turn;
  other[10] = (other[10] + 1) % 288;
  EXPECT_EQ(reused(greedy_request(other, 1, "ratio=4")), 0);
  Request not_wanted = greedy_request(turn, 1, "ratio=4");
  not_wanted.reuse_cache = false;
  EXPECT_EQ(reused(std::move(not_wanted)), 0);
  Request positions = greedy_request(turn, 1, "ratio=4");
  positions.keep_positions = true;
  EXPECT_EQ(reused(std::move(positions)), 0);
  EXPECT_EQ(reused(greedy_request(turn, 1, "ratio=4")), kFirst + 4);
}

TEST(KeptCachesTest, ManyGoOnFromOneBeginning) {
  Harness harness(serving_options(), keeping(8));
  std::vector<int> prompt = prompt_of(kFirst, 3);
  harness.submit(greedy_request(prompt, 0, "ratio=4"));  // fed, nothing said
  harness.run();
  std::vector<RequestId> ids;
  for (int i = 0; i < 5; ++i) {
    std::vector<int> turn = prompt;
    for (int token : prompt_of(kMore, unsigned(10 + i))) turn.push_back(token);
    ids.push_back(harness.submit(greedy_request(turn, kSecondAnswer, "ratio=4")));
  }
  harness.run();
  for (RequestId id : ids) EXPECT_EQ(harness.answer(id).finish->reused_tokens, kFirst);
  EXPECT_EQ(harness.scheduler().kept().all().size(), 6u);
  EXPECT_EQ(harness.scheduler().statistics().prompt_tokens, kFirst + 5 * kMore);
}

TEST(KeptCachesTest, WhatWasInterruptedInItsPromptIsNotKept) {
  Harness harness(serving_options(), keeping(4));
  const RequestId id = harness.submit(greedy_request(prompt_of(kFirst, 3), 40, "ratio=4"));
  harness.step();
  harness.scheduler().cancel(id);
  EXPECT_TRUE(harness.scheduler().kept().all().empty());
  EXPECT_EQ(harness.used_pages(), 0u);
  const RequestId other = harness.submit(greedy_request(prompt_of(kFirst, 3), 40, "ratio=4"));
  while (harness.answer(other).tokens.size() < 10) harness.step();
  harness.scheduler().cancel(other);
  EXPECT_EQ(harness.scheduler().kept().all().size(), 1u);
  harness.engine().cache().check_integrity();
}

// Two slots, and a pool that one long answer fills: whatever is kept gives way, nobody is computed again for it.
TEST(KeptCachesTest, GiveWayToWhoeverNeedsTheirSlotsOrPages) {
  const auto request = [&](int i) { return greedy_request(prompt_of(500 + i, unsigned(i)), 300, kPolicies[i % 4]); };
  Harness harness(serving_options(4 << 20, 2), keeping(2));
  std::vector<RequestId> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(harness.submit(request(i)));
    harness.run();
    const SchedulerStatistics now = harness.scheduler().statistics();
    EXPECT_EQ(now.pages_used, 0);
    EXPECT_EQ(now.pages_kept, int64_t(harness.used_pages()));
  }
  Request many = greedy_request(prompt_of(300, 9), 20, "ratio=4");
  many.n = 2;
  harness.submit(std::move(many));
  harness.run();
  EXPECT_EQ(harness.scheduler().statistics().recomputed_sequences, 0);
  EXPECT_GT(harness.scheduler().statistics().pages_kept, 0);
  for (int i = 0; i < 8; ++i) {
    Harness alone(serving_options(4 << 20, 2));
    const RequestId id = alone.submit(request(i));
    alone.run();
    EXPECT_EQ(harness.answer(ids[std::size_t(i)]).tokens, alone.answer(id).tokens) << i;
  }
}

TEST(KeptCachesTest, CanBeErasedBySlot) {
  Harness harness(serving_options(), keeping(2));
  harness.submit(greedy_request(prompt_of(100, 3), 10, "ratio=4"));
  harness.run();
  const SlotId slot = harness.scheduler().kept().all().front().slot();
  EXPECT_EQ(harness.scheduler().erase_kept(slot + 1), std::nullopt);
  EXPECT_EQ(harness.scheduler().erase_kept(slot), 109);
  EXPECT_EQ(harness.scheduler().erase_kept(slot), std::nullopt);
  EXPECT_EQ(harness.used_pages(), 0u);
}

}  // namespace
}  // namespace leankv::testing
