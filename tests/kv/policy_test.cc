#include "kv/policy.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "base/error.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;

std::string refusal(std::string_view text) {
  try {
    parse_policy(text);
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), ErrorKind::kBadOption);
    return error.what();
  }
  return "accepted";
}

TEST(ParsePolicy, Presets) {
  EXPECT_EQ(parse_policy("off"), Policy{});
  EXPECT_EQ(parse_policy("safe"), forecast_policy(3.3));
  EXPECT_EQ(parse_policy("balanced"), forecast_policy(7));
  EXPECT_EQ(parse_policy("small"), forecast_policy(11));
  EXPECT_EQ(parse_policy("forecast"), forecast_policy(4));
  EXPECT_EQ(parse_policy("paper"), paper_policy());
  EXPECT_EQ(parse_policy("K8V8"), uniform_policy(TierId::kK8V8));
  EXPECT_EQ(parse_policy("q8_0:q4_0"), uniform_policy(TierId::kQ8Q4));
}

TEST(ParsePolicy, ForecastIsOursAndRotated) {
  const Policy policy = parse_policy("forecast");
  EXPECT_EQ(policy.tiers, (std::vector{TierId::kK8V8, TierId::kK4V4, TierId::kK3V2}));
  EXPECT_TRUE(policy.rotate && policy.centre && policy.judges());
}

TEST(ParsePolicy, PaperIsAsPublished) {
  const Policy policy = parse_policy("paper");
  EXPECT_EQ(policy.tiers, (std::vector{TierId::kPaperK8V4, TierId::kPaperK4V2}));
  EXPECT_FALSE(policy.rotate || policy.centre);
  EXPECT_EQ(policy.recent, 64);
  EXPECT_EQ(policy.window, 64);
  EXPECT_EQ(policy.minimum_tokens, 0);
  EXPECT_EQ(policy.alpha_high, 1);
  EXPECT_EQ(policy.alpha_low, .02);
  EXPECT_EQ(policy.ratio, 0);
}

TEST(ParsePolicy, UniformRotatesOnlyOurCodecs) {
  for (const Tier& t : kTiers) {
    const bool ours = t.name[0] == 'K' && t.id != TierId::kK16V16;
    EXPECT_EQ(parse_policy(t.name).rotate, ours) << t.name;
    EXPECT_EQ(parse_policy(t.name).centre, ours) << t.name;
  }
  const Policy rotated = parse_policy("q8_0:q8_0,rotate=1,centre=0");
  EXPECT_TRUE(rotated.rotate);
  EXPECT_FALSE(rotated.centre);
  EXPECT_EQ(rotated.tiers, std::vector{TierId::kQ8Q8});
}

TEST(ParsePolicy, KeysChangeTheirField) {
  const Policy policy = parse_policy(
      "forecast,tiers=K8V8/K4V4,rotate=0,centre=0,ratio=5.5,recent=128,minimum_tokens=300,window=8,review_interval=32,"
      "sample_interval=4,prune_penalty=1.5");
  Policy expected = forecast_policy(5.5);
  expected.tiers = {TierId::kK8V8, TierId::kK4V4};
  expected.rotate = expected.centre = false;
  expected.recent = 128, expected.minimum_tokens = 300, expected.window = 8;
  expected.review_interval = 32, expected.sample_interval = 4, expected.prune_penalty = 1.5;
  EXPECT_EQ(policy, expected);
  EXPECT_EQ(parse_policy("paper,alpha_h=2,alpha_l=0.5").alpha_high, 2);
  EXPECT_EQ(parse_policy("paper,alpha_h=2,alpha_l=0.5").alpha_low, .5);
}

TEST(ParsePolicy, TextThatBeginsWithAKeyMeansForecast) { EXPECT_EQ(parse_policy("ratio=6"), forecast_policy(6)); }

TEST(ParsePolicy, AnotherTargetReplacesTheRatio) {
  EXPECT_EQ(parse_policy("small,budget=1000000").ratio, 0);
  EXPECT_EQ(parse_policy("small,budget=1000000").budget_bytes, 1000000);
  EXPECT_EQ(parse_policy("lambda=1e-9").ratio, 0);
  EXPECT_EQ(parse_policy("lambda=1e-9").lambda, 1e-9);
}

TEST(ParsePolicy, RefusesUnknownNamesWithTheNearest) {
  EXPECT_THAT(refusal("balancd"), HasSubstr("unknown policy 'balancd' (did you mean 'balanced'?)"));
  EXPECT_THAT(refusal("forecast,rato=4"), HasSubstr("unknown key 'rato' (did you mean 'ratio'?)"));
  EXPECT_THAT(refusal("forecast,tiers=K8V8/K5V4"), HasSubstr("unknown tier 'K5V4' (did you mean 'K8V4'?)"));
  EXPECT_THAT(refusal("zzzzzzzz"), HasSubstr("known: off forecast paper safe balanced small K16V16"));
  EXPECT_THAT(refusal("zzzzzzzz"), Not(HasSubstr("did you mean")));
  EXPECT_THAT(refusal(""), HasSubstr("unknown policy ''"));
}

TEST(ParsePolicy, RefusesKeysWithoutMeaning) {
  EXPECT_THAT(refusal("off,ratio=2"), HasSubstr("'ratio' has no meaning for 'off'"));
  EXPECT_THAT(refusal("paper,lambda=1"), HasSubstr("no meaning for 'paper'"));
  EXPECT_THAT(refusal("K8V8,ratio=4"), HasSubstr("its keys: rotate centre"));
  EXPECT_THAT(refusal("forecast,alpha_h=1"), HasSubstr("no meaning"));
}

TEST(ParsePolicy, RefusesBadValues) {
  for (const char* text : {"ratio=",
                           "ratio=four",
                           "ratio=4x",
                           "ratio=0.5",
                           "ratio=-1",
                           "ratio=nan",
                           "ratio=inf",
                           "ratio",
                           "window=-1",
                           "window=1.5",
                           "window=99999999999",
                           "recent=0",
                           "recent=2147483647",  // tokens of any context, so that sums are ints
                           "review_interval=0",
                           "sample_interval=0",
                           "sample_interval=129",
                           "lambda=-1",
                           "budget=-5",
                           "budget=1e6",
                           "rotate=2",
                           "rotate=yes",
                           "prune_penalty=-1",
                           "ratio=0",
                           "ratio=4,budget=1000",
                           "budget=10,lambda=1",
                           "tiers=",
                           "tiers=K4V4/K8V8",
                           "tiers=K8V8/K8V8",
                           "tiers=K16V16/K8V8/K8V4/K4V4/K4V2/K3V2/K2V2",
                           "paper,alpha_h=0.01",
                           "paper,alpha_l=2",
                           "forecast,,ratio=4"}) {
    EXPECT_THAT(refusal(text), HasSubstr("cache policy: ")) << text;
  }
}

TEST(Describe, ReadsBackToTheSamePolicy) {
  for (const char* text : {"off", "safe", "balanced", "small", "forecast", "paper", "K8V8", "K16V16", "K16V16,rotate=1",
                           "q4_0:q4_0", "q8_0:q8_0,rotate=1,centre=0", "forecast,tiers=K8V8/K8V4/K4V4/K3V2,ratio=2.7",
                           "budget=123456789", "lambda=1.2345678901234567e-13", "lambda=0",
                           "paper,alpha_h=1.1,alpha_l=0.07,window=32", "paper,ratio=4.4", "paper,budget=55",
                           "forecast,recent=100,minimum_tokens=7,window=0,review_interval=128,sample_interval=1,"
                           "prune_penalty=0.1,rotate=0,centre=0"}) {
    const Policy policy = parse_policy(text);
    EXPECT_EQ(parse_policy(describe(policy)), policy) << text << " -> " << describe(policy);
  }
  EXPECT_EQ(describe(parse_policy("safe")), "forecast,ratio=3.3");
  EXPECT_EQ(describe(parse_policy("off")), "off");
}

TEST(CacheTypes, MapToTheirTier) {
  EXPECT_EQ(policy_of_cache_types("", ""), std::nullopt);
  EXPECT_EQ(policy_of_cache_types("f16", "f16"), off_policy());
  EXPECT_EQ(policy_of_cache_types("f16", ""), off_policy());
  EXPECT_EQ(policy_of_cache_types("q8_0", "q8_0"), uniform_policy(TierId::kQ8Q8));
  EXPECT_EQ(policy_of_cache_types("q8_0", "q4_0"), uniform_policy(TierId::kQ8Q4));
  EXPECT_EQ(policy_of_cache_types("q4_0", "q4_0"), uniform_policy(TierId::kQ4Q4));
}

TEST(CacheTypes, RefusesOthersByName) {
  for (const auto& [key, value] : {std::pair{"q5_1", "q8_0"}, {"q8_0", ""}, {"q4_0", "q8_0"}, {"K8V8", "K8V8"}}) {
    try {
      policy_of_cache_types(key, value);
      ADD_FAILURE() << key << " " << value << " accepted";
    } catch (const Error& error) {
      EXPECT_EQ(error.kind(), ErrorKind::kUnsupported);
      EXPECT_THAT(error.what(), HasSubstr(key));
      EXPECT_THAT(error.what(), HasSubstr("q8_0 q4_0"));
    }
  }
}

}  // namespace
}  // namespace leankv
