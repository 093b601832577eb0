#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>

#include "app/eval/report.h"
#include "app/eval/scores.h"

namespace leankv {
namespace {

// Weights are powers of two, whose logarithms as floats are off by at most 2 ln 2 2^-24 each: log p is off by at most
// twice that, and sums of two of them by four times.
constexpr double kError = 4 * 1.4 * 0x1p-24;
constexpr double kEps = std::numeric_limits<double>::epsilon();
const float kLn2 = float(std::log(2.0));

// Two positions, two tokens. Reference: p = (1/3, 2/3) twice; run: (1/3, 2/3), then (2/3, 1/3).
const std::vector<float> kReference = {0, kLn2, 0, kLn2};
const std::vector<float> kRun = {0, kLn2, kLn2, 0};
const std::vector<int> kTruth = {1, 1};

SegmentScore scored() { return score_segment(Reference({kReference.data(), 2, 2}), {kRun.data(), 2, 2}, kTruth); }

TEST(Scores, SegmentByHand) {
  const SegmentScore score = scored();
  ASSERT_EQ(score.kld.size(), 2u);
  EXPECT_EQ(score.kld[0], 0);
  EXPECT_NEAR(score.kld[1], std::log(2.0) / 3, kError);  // 1/3 ln(1/2) + 2/3 ln 2
  EXPECT_NEAR(score.nll, std::log(1.5) + std::log(3.0), kError);
  EXPECT_NEAR(score.reference_nll, 2 * std::log(1.5), kError);
  EXPECT_EQ(score.same_top, 1);
}

TEST(Scores, SummaryIsOverPositionsAndTotalBytes) {
  SegmentScore a = scored(), b = scored();
  a.start = 10, b.start = 20;
  a.bytes_16bit = 100, a.bytes = 10;
  b.bytes_16bit = 100, b.bytes = 40;
  b.kld = {1, 3};
  const EvalRow row{"forecast", 4.0, forecast_policy(4), Activations::kF32};
  const RowSummary s = summarise(row, std::vector{a, b});
  EXPECT_EQ(s.ratio_page_true, 4);  // 200 / 50, not the mean of 10 and 2.5
  EXPECT_NEAR(s.kld_mean, (std::log(2.0) / 3 + 4) / 4, kError);
  EXPECT_EQ(s.kld_max, 3);
  EXPECT_NEAR(s.kld_p99, 1 + 0.97 * 2, 8 * kEps);  // place .99 * 3 = 2.97 of (0, .., 1, 3); a few roundings
  EXPECT_EQ(s.top1, 0.5);
  // Per position the run loses ln(4.5) / 2, the reference ln(2.25) / 2; a ratio near 1.4 is off by 1.4 times that
  // error.
  EXPECT_NEAR(s.ppl_ratio, std::sqrt(2.0), 1.5 * kError);
  ASSERT_EQ(s.kld_by_position.size(), 2u);  // fewer positions than bins
  EXPECT_NEAR(s.kld_by_position[0], (a.kld[0] + 1) / 2, kError);
  EXPECT_NEAR(s.kld_by_position[1], (a.kld[1] + 3) / 2, kError);
  ASSERT_EQ(s.segments.size(), 2u);
  EXPECT_EQ(s.segments[1].start, 20);
  EXPECT_EQ(s.segments[1].kld_mean, 2);
}

TEST(Report, JsonHasEveryFieldAndNullForNoTarget) {
  SegmentScore score = scored();
  score.start = 1500;
  score.bytes_16bit = 8, score.bytes = 2;
  const RowSummary with = summarise({"paper", 8.0, paper_policy(), Activations::kF32}, std::vector{score});
  const RowSummary without = summarise({"q8_0:q8_0", {}, off_policy(), Activations::kF32}, std::vector{score});
  const auto json = rows_to_json(std::vector{with, without});
  ASSERT_EQ(json.size(), 2u);
  EXPECT_EQ(json[0]["policy"], "paper");
  EXPECT_EQ(json[0]["ratio_target"], 8.0);
  EXPECT_TRUE(json[1]["ratio_target"].is_null());
  EXPECT_EQ(json[0]["ratio_page_true"], 4.0);
  for (const char* name : {"kld_mean", "kld_p99", "kld_max", "ppl_ratio", "top1"}) EXPECT_TRUE(json[0].contains(name));
  EXPECT_EQ(json[0]["segments"][0]["start"], 1500);
  EXPECT_EQ(json[0]["segments"][0]["kld_mean"], with.kld_mean);
}

TEST(Report, MarkdownHasALinePerRow) {
  SegmentScore score = scored();
  score.bytes_16bit = 8, score.bytes = 2;
  const RowSummary row = summarise({"paper", 8.0, paper_policy(), Activations::kF32}, std::vector{score});
  const std::string table = rows_to_markdown(std::vector{row, row});
  EXPECT_EQ(std::count(table.begin(), table.end(), '\n'), 4);  // header, rule, two rows
  EXPECT_NE(table.find("| paper | 8 | 4.00 |"), std::string::npos);
}

}  // namespace
}  // namespace leankv
