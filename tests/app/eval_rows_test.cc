#include <gmock/gmock.h>

#include "app/eval/rows.h"
#include "app/eval/segments.h"
#include "base/error.h"

namespace leankv {
namespace {

using testing::HasSubstr;

const std::vector<double> kRatios = {4, 8};

std::string error_of(auto&& call) {
  try {
    call();
  } catch (const Error& e) {
    return e.what();
  }
  return "no error";
}

TEST(Rows, JudgingPoliciesTakeEveryRatioOthersOneRow) {
  const auto rows = make_rows("forecast,paper,safe,q8_0:q4_0", kRatios, Activations::kF32);
  ASSERT_EQ(rows.size(), 6u);
  EXPECT_EQ(rows[1].policy, parse_policy("forecast,ratio=8"));
  EXPECT_EQ(rows[2].policy, parse_policy("paper,ratio=4"));
  EXPECT_EQ(rows[3].ratio_target, 8.0);
  EXPECT_EQ(rows[4].ratio_target, std::nullopt);
  EXPECT_EQ(rows[4].policy, parse_policy("safe"));
  EXPECT_EQ(rows[5].policy, parse_policy("q8_0:q4_0"));
}

TEST(Rows, PlusSeparatesSettingsInsideAPolicy) {
  const auto rows = make_rows("forecast+tiers=K8V8/K4V4+window=64,off", kRatios, Activations::kF32);
  ASSERT_EQ(rows.size(), 3u);
  EXPECT_EQ(rows[0].name, "forecast+tiers=K8V8/K4V4+window=64");
  EXPECT_EQ(rows[1].policy, parse_policy("forecast,tiers=K8V8/K4V4,window=64,ratio=8"));
}

TEST(Rows, ATargetOfItsOwnIsKept) {
  const auto rows = make_rows("forecast+ratio=5,forecast+budget=1000000", kRatios, Activations::kF32);
  ASSERT_EQ(rows.size(), 2u);
  EXPECT_EQ(rows[0].policy.ratio, 5);
  EXPECT_EQ(rows[1].policy.budget_bytes, 1000000);
  EXPECT_EQ(rows[0].ratio_target, std::nullopt);
}

TEST(Rows, AnEngineIsSharedByEqualTiersAndArithmeticOnly) {
  const auto rows = make_rows("forecast,paper,off", std::vector<double>{4, 8}, Activations::kF32);
  EXPECT_TRUE(rows[0].same_engine(rows[1]));
  EXPECT_FALSE(rows[0].same_engine(rows[2]));
  EXPECT_FALSE(rows[4].same_engine(activation_rows()[0]));
}

TEST(Rows, BadTextIsRefused) {
  EXPECT_THAT(error_of([] { make_rows("", kRatios, Activations::kF32); }), HasSubstr("--policies"));
  EXPECT_THAT(error_of([] { make_rows("forecats", kRatios, Activations::kF32); }), HasSubstr("did you mean"));
  EXPECT_THAT(error_of([] { make_rows("forecast", std::vector{0.5}, Activations::kF32); }), HasSubstr("at least 1"));
}

constexpr SegmentShape kShape{5, 3};  // 9 tokens

TEST(Segments, CutsPromptScoreAndSuccessor) {
  const std::vector<int> text = {0, 1, 2, 3, 4, 5, 6, 7, 8, 9};
  EXPECT_EQ(cut_segment(text, 1, kShape, {}).tokens, (std::vector{1, 2, 3, 4, 5, 6, 7, 8, 9}));
  EXPECT_EQ(cut_segment(text, 0, kShape, 42).tokens, (std::vector{42, 1, 2, 3, 4, 5, 6, 7, 8}));
  EXPECT_THAT(error_of([&] { cut_segment(text, 2, kShape, {}); }), HasSubstr("leaves the text of 10"));
  EXPECT_THAT(error_of([&] { cut_segment(text, -1, kShape, {}); }), HasSubstr("--starts -1"));
}

TEST(Segments, DrawnStartsAreDifferentAscendingAndFit) {
  const auto starts = draw_starts(4, 7, 12, kShape);
  EXPECT_EQ(starts, (std::vector<int64_t>{0, 1, 2, 3}));  // all the places that there are
  EXPECT_EQ(draw_starts(3, 7, 1000, kShape), draw_starts(3, 7, 1000, kShape));
  EXPECT_NE(draw_starts(3, 7, 1000, kShape), draw_starts(3, 8, 1000, kShape));
  EXPECT_THAT(error_of([] { draw_starts(5, 7, 12, kShape); }), HasSubstr("--segments 5"));
}

}  // namespace
}  // namespace leankv
