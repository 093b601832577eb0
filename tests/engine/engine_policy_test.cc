// Policies through whole requests: targets, reviews, small pools, pages given back.
#include <gtest/gtest.h>

#include <functional>

#include "base/error.h"
#include "engine/engine_test_support.h"
#include "engine/pool_size.h"
#include "kv/page_view.h"

namespace leankv::testing {
namespace {

constexpr int64_t kPool = 8 << 20;

EngineOptions options_with(const Policy& policy, int64_t pool_bytes = kPool) {
  EngineOptions options = tiny_options("tiny2.gguf");
  options.policy = policy;
  options.pool_bytes = pool_bytes;
  options.chunk = 128;
  return options;
}

// The least bytes that start() admits so many tokens with, in whole pages.
int64_t least_pool(const EngineOptions& options, const Policy& policy, int tokens) {
  const Engine engine(options);
  return least_bytes(engine.cache(), policy, tokens, options.chunk) + engine.cache().page_bytes();
}

// Feeds token after token, checking the cache each time and that no token is ever raised: what is in list i or a worse
// one, or pruned, never gets less. Tokens of the fresh list are new.
void decode(Engine& engine, Sequence& sequence, int tokens) {
  std::vector<int64_t> before = tokens_by_list(engine, sequence);
  for (const int token : prompt_of(tokens, 99)) {
    ASSERT_TRUE(engine.feed(sequence, {&token, 1}).has_value());
    engine.cache().check_integrity();
    const std::vector<int64_t> now = tokens_by_list(engine, sequence);
    int64_t worse_before = 0, worse_now = 0;
    for (std::size_t list = now.size() - 1; list > 0; --list) {
      worse_before += before[list], worse_now += now[list];
      EXPECT_GE(worse_now, worse_before) << "list " << list << " after " << sequence.tokens.size() << " tokens";
    }
    before = now;
  }
}

void feed_checked(Engine& engine, Sequence& sequence, const std::vector<int>& prompt) {
  const auto check = [&](double) { return engine.cache().check_integrity(), true; };
  ASSERT_TRUE(engine.feed(sequence, prompt, check).has_value());
}

TEST(EnginePolicyTest, TheRatioIsWhatWasAskedFor) {
  for (const char* text : {"ratio=3", "ratio=6", "small", "paper,ratio=4"}) {
    const Policy policy = parse_policy(text);
    Engine engine(options_with(policy));
    Sequence sequence = started(engine, policy, 1500);
    feed_checked(engine, sequence, prompt_of(1500, 8));
    const double ratio = engine.usage(sequence).ratio();
    EXPECT_GE(ratio, policy.ratio) << text;  // the target always fits (policy_solver.h)
    EXPECT_LE(ratio, 1 / 0.98 * policy.ratio) << text;
  }
}

TEST(EnginePolicyTest, ABudgetHoldsThroughDecode) {
  const Policy policy = parse_policy("forecast,budget=120000");
  Engine engine(options_with(policy));
  Sequence sequence = started(engine, policy, 900, 300);
  feed_checked(engine, sequence, prompt_of(900, 9));
  EXPECT_LE(engine.usage(sequence).bytes(), 120000);
  decode(engine, sequence, 300);
  // Since the last review at most 63 + 64 fresh tokens and their pages have come.
  const KvCache& cache = engine.cache();
  const int64_t fresh =
      (127 / cache.layout(policy.tiers.front()).tokens + 1) * cache.shape().heads() * int64_t(cache.page_bytes() + 4);
  EXPECT_LE(engine.usage(sequence).bytes(), 120000 + fresh);
}

TEST(EnginePolicyTest, ReviewsNeverRaiseAToken) {
  for (const char* text :
       {"ratio=5", "forecast,lambda=1e-7", "paper", "paper,ratio=6,window=16", "K4V4", "q8_0:q8_0"}) {
    const Policy policy = parse_policy(text);
    Engine engine(options_with(policy));
    Sequence sequence = started(engine, policy, 600, 220);
    feed_checked(engine, sequence, prompt_of(600, 10));
    const int64_t pruned = tokens_by_list(engine, sequence).back();
    decode(engine, sequence, 220);
    EXPECT_EQ(engine.cache().state(sequence.slot()).last_review > 600, policy.judges()) << text;
    EXPECT_GE(tokens_by_list(engine, sequence).back(), pruned) << text;
  }
}

// A ratio that prunes nearly everything: of every head, the pinned tokens stay, and the target still holds.
TEST(EnginePolicyTest, PinnedTokensAreNeverPruned) {
  for (const char* text : {"forecast,ratio=20,pin=40", "paper,ratio=20,pin=40"}) {
    const Policy policy = parse_policy(text);
    Engine engine(options_with(policy));
    Sequence sequence = started(engine, policy, 1500, 200);
    feed_checked(engine, sequence, prompt_of(1500, 15));
    EXPECT_GE(engine.usage(sequence).ratio(), policy.ratio * 0.98) << text;
    decode(engine, sequence, 200);
    const SequenceState& state = engine.cache().state(sequence.slot());
    for (const HeadTable& head : state.heads) {
      int pinned = 0;
      for (int list = 0; list < state.lists(); ++list) {
        const PageLayout& layout = engine.cache().list_layout(sequence.slot(), list);
        head.for_each_page(list, layout.tokens, [&](PageId id, int tokens) {
          const PageView page(layout, const_cast<std::byte*>(engine.cache().page(id)));
          for (int t = 0; t < tokens; ++t) pinned += is_pinned(page.significance(t));
        });
      }
      EXPECT_EQ(pinned, 40) << text;
    }
  }
}

TEST(EnginePolicyTest, AShortPromptIsJudgedWhenThereIsEnoughToLearnFrom) {
  const Policy policy = parse_policy("ratio=4,minimum_tokens=400");
  Engine engine(options_with(policy));
  Sequence sequence = started(engine, policy, 300, 200);
  feed_checked(engine, sequence, prompt_of(300, 11));
  decode(engine, sequence, 99);
  EXPECT_EQ(engine.cache().state(sequence.slot()).judgements, 0);
  EXPECT_EQ(engine.usage(sequence).tiers[int(TierId::kK8V8)].tokens, 399 * engine.cache().shape().heads());
  decode(engine, sequence, 1);
  EXPECT_EQ(engine.cache().state(sequence.slot()).judgements, 1);
  EXPECT_GE(engine.usage(sequence).ratio(), 4);
  decode(engine, sequence, 100);
}

// The least pool that start() admits: where the next token would find no room, the judgement comes early in decode too.
TEST(EnginePolicyTest, DecodeIsJudgedEarlyWhereThePoolIsShort) {
  const Policy policy = parse_policy("ratio=4");
  EngineOptions options = options_with(policy);
  options.chunk = kSmallestChunk;
  options.pool_bytes = least_pool(options, policy, 701);
  Engine engine(options);
  Sequence sequence = started(engine, policy, 1, 700);
  feed_checked(engine, sequence, prompt_of(1, 16));
  decode(engine, sequence, 400);
  EXPECT_EQ(engine.cache().state(sequence.slot()).judgements, 1);
}

// Decode never needs more room than the context has left, so an interval beyond it takes nothing from the prompt.
TEST(EnginePolicyTest, AnIntervalBeyondTheContextAsksForNoRoom) {
  const Policy usual = parse_policy("ratio=4"), rare = parse_policy("ratio=4,review_interval=268435456");
  std::vector<int64_t> kept[2];
  for (const Policy& policy : {usual, rare}) {
    Engine engine(options_with(policy, 0));
    Sequence sequence = started(engine, policy, 600, 400);
    feed_checked(engine, sequence, prompt_of(600, 17));
    kept[policy == rare] = tokens_by_list(engine, sequence);
  }
  EXPECT_EQ(kept[0], kept[1]);
}

// The least pool that start() admits has room for the window, for what decode needs, and for judged tokens.
TEST(EnginePolicyTest, TheLeastPoolHoldsMoreThanTheWindow) {
  for (const char* text : {"ratio=4,window=300", "paper,window=300", "ratio=4,review_interval=2000"}) {
    const Policy policy = parse_policy(text);
    EngineOptions options = options_with(policy);
    options.chunk = kSmallestChunk;
    options.pool_bytes = least_pool(options, policy, 1600);
    Engine engine(options);
    Sequence sequence = started(engine, policy, 1400, 200);
    feed_checked(engine, sequence, prompt_of(1400, 18));
    const std::vector<int64_t> tokens = tokens_by_list(engine, sequence);
    EXPECT_GT(tokens[1] + tokens[2] + tokens[3], 0) << text;
    decode(engine, sequence, 200);
  }
}

// Sixteen bits are for prompts that are judged at their end: one that is not would keep them while it decodes.
TEST(EnginePolicyTest, APromptThatIsJudgedLaterIsStoredAtTheBestTier) {
  const Policy policy = parse_policy("ratio=4,minimum_tokens=0");
  Engine engine(options_with(policy));
  Sequence sequence = started(engine, policy, 100, 300);
  feed_checked(engine, sequence, prompt_of(100, 19));
  EXPECT_EQ(engine.usage(sequence).tiers[int(TierId::kK16V16)].tokens, 0);
}

TEST(EnginePolicyTest, PagesReturnAsSoonAsTheyAreEmpty) {
  const Policy policy = parse_policy("ratio=8");
  Engine engine(options_with(policy));
  Sequence sequence = started(engine, policy, 1000, 10);
  const std::vector<int> prompt = prompt_of(1000, 12);
  const std::span<const int> all = prompt;
  ASSERT_TRUE(engine.feed(sequence, all.first(999)).has_value());
  const uint32_t before = engine.cache().used_pages();
  ASSERT_TRUE(engine.feed(sequence, all.last(1)).has_value());  // the judgement
  int64_t pages = 0;
  for (const TierUsage& t : engine.usage(sequence).tiers) pages += t.pages;
  EXPECT_EQ(engine.cache().used_pages(), pages);
  EXPECT_LT(engine.cache().used_pages(), before / 4);
  EXPECT_LE(engine.cache().high_water_bytes(),
            (before + engine.cache().reserve_pages()) * int64_t(engine.cache().page_bytes()));
  { const Sequence dropped = std::move(sequence); }
  EXPECT_EQ(engine.cache().used_pages(), 0u);
  engine.cache().check_integrity();
}

// A pool of a share of the prompt's 16-bit bytes, beside the pages that a judgement works with.
TEST(EnginePolicyTest, APromptPassesThroughASmallPool) {
  const Policy policy = parse_policy("ratio=4,recent=64,minimum_tokens=128");
  for (const int share : {3, 6}) {
    EngineOptions options = options_with(policy);
    options.chunk = 32;
    const int64_t page = Engine(options).cache().page_bytes(), reserve = Engine(options).cache().reserve_pages();
    options.pool_bytes = 1500 * Engine(options).cache().shape().bytes_per_token_16bit() / share + reserve * page;
    Engine engine(options);
    Sequence sequence = started(engine, policy, 1500, 100);
    feed_checked(engine, sequence, prompt_of(1500, 13));
    EXPECT_GT(engine.cache().state(sequence.slot()).judgements, 1) << share;
    EXPECT_LE(engine.cache().high_water_bytes(), engine.cache().pool_bytes());
    EXPECT_GE(engine.usage(sequence).ratio(), policy.ratio) << share;
    decode(engine, sequence, 100);
  }
}

TEST(EnginePolicyTest, APromptThatCanNeverFitIsRefusedWithBothNumbers) {
  const Policy policy = parse_policy("ratio=4");
  EngineOptions options = options_with(policy, 120 << 10);
  Engine engine(options);
  try {
    engine.start(policy, 1900, 100);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kDoesNotFit);
    const std::string message = error.what();
    EXPECT_NE(message.find(std::to_string(least_bytes(engine.cache(), policy, 2000, options.chunk))),
              std::string::npos);
    EXPECT_NE(message.find(std::to_string(engine.cache().pool_bytes())), std::string::npos);
  }
}

std::string refusal(const std::function<void()>& call) {
  try {
    call();
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadOption);
    return error.what();
  }
  return "accepted";
}

// At 16 channels a token of K4V4 takes 20 bytes, of PK4V2 22; at 32 it is 36 and 34.
TEST(EnginePolicyTest, TiersThatDoNotDescendInThisModelAreRefused) {
  const Policy policy = parse_policy("tiers=K4V4/PK4V2");
  EngineOptions small = tiny_options("tiny.gguf");
  Engine fine(small);
  EXPECT_NE(refusal([&] { fine.start(policy, 10, 0); }).find("PK4V2 takes no fewer bytes than K4V4"),
            std::string::npos);
  small.other_policies = {policy};
  EXPECT_NE(refusal([&] { Engine{small}; }).find("heads of 16 channels"), std::string::npos);
  small.other_policies.clear();
  small.policy = policy;
  EXPECT_NE(refusal([&] { Engine{small}; }).find("heads of 16 channels"), std::string::npos);
  EXPECT_EQ(refusal([&] { Engine{options_with(policy)}; }), "accepted");
}

// Scoring may step past the first judgement; what would judge it afterwards is refused.
TEST(EnginePolicyTest, AStepPastTheJudgementIsTheLast) {
  const Policy policy = parse_policy("ratio=4,minimum_tokens=400");
  Engine engine(options_with(policy));
  Sequence sequence = started(engine, policy, 390, 50);
  const std::vector<int> prompt = prompt_of(430, 20);
  feed_checked(engine, sequence, {prompt.begin(), prompt.begin() + 390});
  const StepInput forced{&sequence, std::span(prompt).last(40), 40};
  ASSERT_EQ(engine.step({&forced, 1}).value().rows(), 40);
  EXPECT_DEATH(engine.settle(sequence), "broken invariant");
  EXPECT_DEATH(static_cast<void>(engine.feed(sequence, {&prompt[0], 1})), "broken invariant");
}

}  // namespace
}  // namespace leankv::testing
