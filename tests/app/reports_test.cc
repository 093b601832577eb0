// Tables and JSON of what a cache took, on numbers that can be added up by hand.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "app/table.h"
#include "app/tier_table.h"
#include "app/usage_report.h"
#include "base/error.h"
#include "base/nearest_name.h"

namespace leankv {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;
using ::testing::Not;

TEST(Table, AlignsColumnsByCharacters) {
  Table table({"name", "n"});
  table.add({"a", "1"});
  table.add({"l\u00e4nger", "100", ""});
  EXPECT_EQ(table.text(), "name      n\na         1\nl\u00e4nger  100\n");
}

TEST(NearestName, IsTheClosestWithinAThird) {
  const std::string_view known[] = {"--temp", "--top-k", "--kv"};
  EXPECT_EQ(edit_distance("kitten", "sitting"), 3u);
  EXPECT_EQ(edit_distance("", "abc"), 3u);
  EXPECT_EQ(nearest_name("--tmep", known), "--temp");
  EXPECT_EQ(nearest_name("--topk", known), "--top-k");
  EXPECT_EQ(nearest_name("--something", known), "");
}

// 2 layers of 2 heads of 16 channels, 10 tokens: 64 bytes per token and head at 16 bit, 2,560 in all.
UsageReport report() {
  UsageReport r;
  r.shape = {2, 2, 3, 16};
  r.page_bytes = 100;
  r.pool_bytes = 10000;
  r.high_water_bytes = 3000;
  r.usage.tokens = 10;
  r.usage.bytes_16bit = 2560;
  r.usage.head_bytes = {100, 300, 200, 200};
  r.usage.page_bytes = 800;
  r.usage.table_bytes = 224;
  r.usage.code_bytes = 640;
  r.usage.pruned = 8;
  r.usage.tiers[std::size_t(TierId::kK8V8)] = {20, 5};
  r.usage.tiers[std::size_t(TierId::kK4V4)] = {12, 3};
  return r;
}

TEST(UsageReport, SpreadAndLayers) {
  const HeadSpread spread = head_spread(report());
  EXPECT_EQ(spread.least, 10);
  EXPECT_EQ(spread.median, 20);
  EXPECT_EQ(spread.most, 30);
  EXPECT_THAT(layer_bytes_per_token(report()), ElementsAre(20, 20));
}

TEST(UsageReport, TextShowsBothRatiosAndEveryShare) {
  const std::string text = usage_text(report());
  EXPECT_THAT(text, HasSubstr("2.5 KiB at 16 bit, 1.0 KiB now: 2.50x page-true (4.00x nominal: codes alone)"));
  EXPECT_THAT(text, HasSubstr("50.0 %"));  // 20 of 40 token-heads
  EXPECT_THAT(text, HasSubstr("30.0 %"));
  EXPECT_THAT(text, HasSubstr("20.0 %"));
  EXPECT_THAT(text, HasSubstr("least 10.0, median 20.0, most 30.0"));
  EXPECT_THAT(text, Not(HasSubstr("K3V2")));
}

TEST(UsageReport, JsonHasTheFieldsThatScriptsRead) {
  const nlohmann::ordered_json json = usage_json(report());
  EXPECT_EQ(json["ratio_page_true"], 2.5);
  EXPECT_EQ(json["ratio_nominal"], 4.0);
  EXPECT_EQ(json["bytes_16bit"], 2560);
  EXPECT_EQ(json["bytes_page_true"], 1024);
  EXPECT_EQ(json["pruned"], 8);
  EXPECT_EQ(json["tiers"]["K8V8"]["token_heads"], 20);
  EXPECT_EQ(json["tiers"]["K4V4"]["bytes"], 300);
  EXPECT_EQ(json["high_water_bytes"], 3000);
  EXPECT_EQ(json["pool_bytes"], 10000);
}

TEST(UsageReport, AnEmptySequenceHasNoRatio) {
  UsageReport r = report();
  r.usage = {};
  EXPECT_THAT(usage_text(r), HasSubstr("0.00x page-true"));
  EXPECT_EQ(head_spread(r).most, 0);
}

TEST(Timings, AreLlamaServers) {
  const nlohmann::ordered_json json = timings_json({100, 500, 20, 1000});
  EXPECT_EQ(json["prompt_n"], 100);
  EXPECT_EQ(json["prompt_per_second"], 200);
  EXPECT_EQ(json["predicted_ms"], 1000);
  EXPECT_EQ(json["predicted_per_second"], 20);
  EXPECT_EQ(timings_json({})["predicted_per_second"], 0);
}

TEST(TierTable, ListsEveryTierWithItsBytes) {
  const std::string text = tier_table(64);
  for (const Tier& t : kTiers) EXPECT_THAT(text, HasSubstr(std::string(t.name)));
  EXPECT_THAT(text, HasSubstr(std::to_string(bytes_per_token(TierId::kK8V8, 64))));
  EXPECT_THROW(tier_table(20), Error);
  EXPECT_THROW(tier_table(512), Error);
}

}  // namespace
}  // namespace leankv
