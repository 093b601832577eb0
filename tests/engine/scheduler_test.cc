// Many requests in one batch: what each says does not depend on the others, and every page comes back.
#include "engine/scheduler.h"

#include <gtest/gtest.h>

#include "engine/generation.h"
#include "engine/scheduler_test_support.h"

namespace leankv::testing {
namespace {

constexpr const char* kPolicies[] = {"off", "ratio=4", "paper", "K4V4"};

Request request_number(int i) { return greedy_request(prompt_of(550 + 37 * i, unsigned(i)), 70 + i, kPolicies[i % 4]); }

TEST(SchedulerTest, WhatIsSaidDoesNotDependOnTheCompany) {
  Harness together(serving_options());
  std::vector<RequestId> ids;
  for (int i = 0; i < 8; ++i) {
    ids.push_back(together.submit(request_number(i)));
    for (int s = 0; s < i; ++s) together.step();  // each arrives somewhere in the work of those before
  }
  together.run();
  EXPECT_EQ(together.scheduler().statistics().recomputed_sequences, 0);
  for (int i = 0; i < 8; ++i) {
    Harness alone(serving_options());
    const RequestId id = alone.submit(request_number(i));
    alone.run();
    const Heard &here = together.answer(ids[std::size_t(i)]), &there = alone.answer(id);
    EXPECT_EQ(here.tokens, there.tokens) << kPolicies[i % 4];
    EXPECT_EQ(here.text, there.text) << kPolicies[i % 4];
    EXPECT_EQ(int(here.tokens.size()), 70 + i);
    EXPECT_EQ(here.finish->cache.bytes(), there.finish->cache.bytes());
    if (i % 4 == 1) {
      EXPECT_GT(here.finish->cache.ratio(), 3);
    }
  }
}

// The scheduler and generate() are one code path: the same chunks, the same text.
TEST(SchedulerTest, SaysWhatGenerateSays) {
  for (const char* policy : kPolicies) {
    Harness scheduled(serving_options());
    const std::vector<int> prompt = prompt_of(700, 3);
    const RequestId id = scheduled.submit(greedy_request(prompt, 40, policy));
    scheduled.run();
    Engine engine(serving_options());
    Sequence sequence = started(engine, parse_policy(policy), 700, 40);
    GenerationOptions options{40, {}, true, {}};
    options.sampling.temperature = 0;
    const Generation generation = generate(engine, sequence, prompt, options);
    EXPECT_EQ(scheduled.answer(id).tokens, generation.tokens) << policy;
    EXPECT_EQ(scheduled.answer(id).text, generation.text) << policy;
    EXPECT_EQ(scheduled.answer(id).finish->reason, FinishReason::kLength);
    EXPECT_EQ(scheduled.answer(id).finish->completion_tokens, 40);
    EXPECT_EQ(scheduled.answer(id).finish->prompt_tokens, 700);
  }
}

// Cancelled after so many steps: waiting, in the prompt, at its end, in the answer, at its end.
TEST(SchedulerTest, CancellationGivesEveryPageBack) {
  for (const int steps : {0, 1, 5, 10, 11, 12, 40}) {
    Harness harness(serving_options());
    Request request = greedy_request(prompt_of(640, 5), 30, "ratio=4");
    request.n = 2;
    const RequestId other = harness.submit(greedy_request(prompt_of(20, 6), 60));
    const RequestId id = harness.submit(std::move(request));
    for (int i = 0; i < steps; ++i) harness.step();
    const uint32_t held = harness.used_pages();
    uint32_t of_others = 0;
    for (const auto& running : harness.scheduler().running()) {
      if (running.id == other) of_others = harness.engine().cache().pages_of(running.sequence.slot());
    }
    harness.scheduler().cancel(id);
    EXPECT_EQ(harness.used_pages(), of_others) << steps << " steps, " << held << " pages";
    harness.engine().cache().check_integrity();
    const FinishReason expected = steps < 40 ? FinishReason::kCancelled : FinishReason::kLength;
    for (const int choice : {0, 1}) EXPECT_EQ(harness.answer(id, choice).finish->reason, expected) << steps;
    harness.scheduler().cancel(id);  // unknown by now
    harness.run();
    EXPECT_EQ(harness.answer(other).tokens.size(), 60u);
    EXPECT_EQ(harness.used_pages(), 0u);
  }
}

// Pages for so many tokens at 16 bits, beside the reserve.
int64_t pool_for(int tokens, int sequences = 8) {
  const Engine engine(serving_options(16 << 20, sequences));
  const KvCache& cache = engine.cache();
  const int64_t per_head = tokens / cache.layout(TierId::kK16V16).tokens;
  return (per_head * cache.shape().heads() + cache.reserve_pages()) * cache.page_bytes();
}

// Answers turn out four times as long as those before them, so that too many are admitted.
TEST(SchedulerTest, WhereThePoolRunsShortTheYoungestIsRecomputedAndSaysTheSame) {
  for (const auto& [policy, pool] : {std::pair("off", pool_for(900)), std::pair("ratio=4", pool_for(500))}) {
    const auto request = [&](int i) { return greedy_request(prompt_of(200 + i, unsigned(i)), 200, policy); };
    Harness tight(serving_options(pool));
    for (int i = 0; i < 12; ++i) tight.submit(greedy_request(prompt_of(200, 77), 8, policy));
    tight.run();
    std::vector<RequestId> ids;
    for (int i = 0; i < 4; ++i) ids.push_back(tight.submit(request(i)));
    tight.run();
    const SchedulerStatistics statistics = tight.scheduler().statistics();
    EXPECT_GT(statistics.recomputed_sequences, 0) << policy;
    EXPECT_GT(statistics.recomputed_tokens, 200) << policy;
    EXPECT_EQ(statistics.prompt_tokens, 12 * 200 + 4 * 200 + 6) << policy;
    EXPECT_EQ(tight.answer(ids[0]).finish->recomputed, 0);  // the oldest never yields
    for (int i = 0; i < 4; ++i) {
      Harness alone(serving_options(pool));
      const RequestId id = alone.submit(request(i));
      alone.run();
      EXPECT_EQ(tight.answer(ids[std::size_t(i)]).tokens, alone.answer(id).tokens) << policy << ' ' << i;
      EXPECT_EQ(tight.answer(ids[std::size_t(i)]).text, alone.answer(id).text) << policy << ' ' << i;
    }
    EXPECT_EQ(tight.used_pages(), 0u);
  }
}

// A short prompt that comes while a long one is fed goes into the very next step, answers go on in every step, and a
// stream of short ones delays the long one by no more than twice its own steps.
TEST(SchedulerTest, NobodyStarves) {
  Harness harness(serving_options());
  const RequestId talker = harness.submit(greedy_request(prompt_of(10, 1), 400));
  harness.step();
  const RequestId long_one = harness.submit(greedy_request(prompt_of(768, 2), 1));  // 12 chunks
  for (int i = 0; i < 3; ++i) harness.step();
  const std::size_t said = harness.answer(talker).tokens.size();
  int64_t came = harness.steps();
  const RequestId first = harness.submit(greedy_request(prompt_of(60, 3), 1));
  harness.step();
  EXPECT_EQ(harness.answer(first).first_token_step, came + 1);
  while (!harness.answer(long_one).finish) {
    harness.submit(greedy_request(prompt_of(64, unsigned(harness.steps())), 1));
    harness.step();
  }
  EXPECT_LE(harness.answer(long_one).first_token_step, 1 + 12 + 2 * 12 + 1);
  EXPECT_GT(harness.answer(long_one).first_token_step, 1 + 12 + 1);
  EXPECT_EQ(harness.answer(talker).tokens.size() - said, std::size_t(harness.steps() - came));
}

TEST(SchedulerTest, AHigherPriorityGoesFirst) {
  Harness harness(serving_options(16 << 20, 1));  // one slot
  harness.submit(greedy_request(prompt_of(64, 1), 5));
  harness.step();
  const RequestId low = harness.submit(greedy_request(prompt_of(64, 2), 5));
  Request urgent = greedy_request(prompt_of(64, 3), 5);
  urgent.priority = 1;
  const RequestId high = harness.submit(std::move(urgent));
  harness.run();
  EXPECT_LT(harness.answer(high).first_token_step, harness.answer(low).first_token_step);
}

TEST(SchedulerTest, PagesAreNotPromisedTwice) {
  Harness harness(serving_options(pool_for(1000)));
  std::vector<RequestId> ids;
  for (int i = 0; i < 5; ++i) ids.push_back(harness.submit(greedy_request(prompt_of(300, unsigned(i)), 100)));
  std::size_t most = 0;
  while (harness.step()) {
    const SchedulerStatistics now = harness.scheduler().statistics();
    most = std::max(most, harness.scheduler().running().size());
    EXPECT_LE(now.pages_promised, now.pages - harness.engine().cache().reserve_pages());
    EXPECT_LE(now.pages_used, now.pages_promised);
  }
  EXPECT_EQ(most, 2u);  // of 400 tokens each
  EXPECT_EQ(harness.scheduler().statistics().recomputed_sequences, 0);
  for (std::size_t i = 1; i < ids.size(); ++i) {
    EXPECT_LE(harness.answer(ids[i - 1]).first_token_step, harness.answer(ids[i]).first_token_step);
  }
}

// What is learned of a compressed policy lets in more than the same pool at 16 bits.
TEST(SchedulerTest, AdmissionCountsWhatIsLeftAfterCompression) {
  Harness harness(serving_options(pool_for(2400)));
  std::size_t most = 0;
  for (int i = 0; i < 8; ++i) harness.submit(greedy_request(prompt_of(700, unsigned(i)), 100, "ratio=4"));
  while (harness.step()) most = std::max(most, harness.scheduler().running().size());
  EXPECT_GE(most, 5u);  // 800 tokens each: three at 16 bits
  EXPECT_EQ(harness.scheduler().statistics().recomputed_sequences, 0);
}

TEST(SchedulerTest, RefusesWhatItCannotServe) {
  Harness harness(serving_options(pool_for(400)));
  const auto refusal = [&](Request request) {
    const RequestId id = harness.submit(std::move(request));
    LEANKV_CHECK(harness.all(id).error.has_value());
    return *harness.all(id).error;
  };
  const ErrorEvent too_large = refusal(greedy_request(prompt_of(500, 1), 100));
  EXPECT_EQ(too_large.kind, ErrorKind::kDoesNotFit);
  EXPECT_NE(too_large.message.find(std::to_string(harness.engine().cache().pool_bytes())), std::string::npos);
  EXPECT_EQ(refusal(greedy_request(prompt_of(2048, 1), 1)).kind, ErrorKind::kBadRequest);
  EXPECT_EQ(refusal(greedy_request({}, 1)).kind, ErrorKind::kBadRequest);
  EXPECT_EQ(refusal(greedy_request({1, 2, 99999}, 1)).kind, ErrorKind::kBadRequest);
  EXPECT_EQ(refusal(greedy_request({1}, 1, "q8_0:q8_0")).kind, ErrorKind::kUnsupported);
  Request request = greedy_request({1}, 1);
  request.n = 0;
  EXPECT_EQ(refusal(std::move(request)).kind, ErrorKind::kBadRequest);
  request = greedy_request({1}, 1);
  request.stop = {""};
  EXPECT_EQ(refusal(std::move(request)).kind, ErrorKind::kBadRequest);
  EXPECT_TRUE(harness.scheduler().idle());
  EXPECT_FALSE(harness.step());
  EXPECT_EQ(harness.scheduler().statistics().refused, 7);
}

// Any order of arrivals, cancellations and steps, in a pool that is too small for it.
TEST(SchedulerTest, RandomWorkEndsWellAndLeavesNothing) {
  int64_t recomputed = 0;
  for (unsigned seed = 0; seed < 4; ++seed) {
    std::mt19937 random(seed);
    const auto next = [&](int n) { return int(random() % unsigned(n)); };
    Harness harness(serving_options(pool_for(900)));
    std::vector<RequestId> ids;
    for (int i = 0; i < 120; ++i) {
      if (next(4) == 0) {
        Request request = greedy_request(prompt_of(1 + next(600), unsigned(i)), next(80), kPolicies[next(4)]);
        request.n = 1 + next(3);
        request.priority = next(2);
        request.policy.minimum_tokens = std::min(request.policy.minimum_tokens, next(500));
        ids.push_back(harness.submit(std::move(request)));
      }
      if (next(16) == 0 && !ids.empty()) harness.scheduler().cancel(ids[std::size_t(next(int(ids.size())))]);
      harness.step();
    }
    harness.run();
    EXPECT_EQ(harness.used_pages(), 0u);
    recomputed += harness.scheduler().statistics().recomputed_sequences;
    for (const RequestId id : ids) {
      const Collected& all = harness.all(id);
      if (all.error) continue;
      for (const auto& [choice, heard] : all.choices) {
        ASSERT_TRUE(heard.finish.has_value());
        EXPECT_EQ(heard.finish->completion_tokens, int(heard.tokens.size()));
      }
    }
  }
  EXPECT_GT(recomputed, 0);
}

}  // namespace
}  // namespace leankv::testing
