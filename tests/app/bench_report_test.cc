#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/bench/report.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;
using ::testing::Not;

PointResult point(const char* kv, double decode) {
  PointResult p;
  p.kv = kv, p.depth = 4096, p.batch = 4;
  p.prefill_tok_s = {800, 790, 810};
  p.decode_tok_s = {decode, decode - 1, decode + 1};
  p.bytes_per_step = 2e8, p.gb_s = 12.5, p.share_of_peak = 0.4, p.ratio_page_true = 3.3;
  return p;
}

PointResult skipped() {
  PointResult p;
  p.kv = "off", p.depth = 8192, p.batch = 64, p.skipped = "needs 12.0 GiB, 3.0 GiB are left";
  return p;
}

TEST(BenchReport, SpreadHasTheQuartiles) {
  const double values[] = {5, 1, 3, 2, 4};
  const Spread s = spread_of(values);
  EXPECT_EQ(s.median, 3);
  EXPECT_EQ(s.low, 2);
  EXPECT_EQ(s.high, 4);
}

TEST(BenchReport, ShowsEachCacheBesideOff) {
  const std::string text = points_to_text(std::vector{point("off", 50), point("safe", 90), skipped()});
  EXPECT_THAT(text, HasSubstr("90.0 (89.0-91.0)   1.80"));
  EXPECT_THAT(text, HasSubstr("skipped: depth 8192, batch 64, off: needs 12.0 GiB"));
  EXPECT_THAT(text, Not(HasSubstr("*")));
}

TEST(BenchReport, MarksSyntheticPages) {
  PointResult p = point("small", 50);
  p.synthetic = true;
  EXPECT_THAT(points_to_text(std::vector{p}), HasSubstr("4096*"));
}

TEST(BenchReport, JsonIsAListOfPoints) {
  PointResult p = point("safe", 90);
  p.decode_phases = PhaseShares{.linear = 0.5, .attention = 0.5};
  const auto list = points_to_json(std::vector{p, skipped()}, {{"threads", 2}});
  ASSERT_EQ(list.size(), 2u);
  for (const char* key : {"kv", "depth", "batch", "prefill_tok_s", "decode_tok_s", "bytes_per_step", "gb_s",
                          "share_of_peak", "decode_tok_s_quartiles"}) {
    EXPECT_TRUE(list[0].contains(key)) << key;
  }
  EXPECT_EQ(list[0]["decode_tok_s"], 90);
  EXPECT_EQ(list[0]["prompt_tok_s"], nullptr);
  EXPECT_EQ(list[0]["phases"]["decode"]["linear"], 0.5);
  EXPECT_EQ(list[0]["threads"], 2);
  EXPECT_EQ(list[1]["skipped"], skipped().skipped);
  EXPECT_FALSE(list[1].contains("decode_tok_s"));
}

TEST(BenchReport, PhasesHaveALinePerMeasurement) {
  PointResult p = point("safe", 90);
  p.prefill_phases = PhaseShares{.linear = 0.75};
  const std::string text = phases_to_text(std::vector{p});
  EXPECT_THAT(text, HasSubstr("75.0"));
  EXPECT_THAT(text, HasSubstr("prefill"));
  EXPECT_THAT(text, Not(HasSubstr("decode")));
}

}  // namespace
}  // namespace leankv
