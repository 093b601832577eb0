// What a stopped run left is there for the next one, and for no other.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>

#include "app/eval/suites/cell.h"
#include "app/eval/suites/cell_log.h"
#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

using ::testing::HasSubstr;

class CellLogTest : public ::testing::Test {
 protected:
  CellLogTest()
      : path_(::testing::TempDir() + "leankv_cells_" + ::testing::UnitTest::GetInstance()->current_test_info()->name() +
              ".json") {
    clear();
  }
  ~CellLogTest() override { clear(); }
  void clear() {
    std::filesystem::remove(path_);
    std::filesystem::remove(path_ + ".part");
  }

  std::string path_;
  nlohmann::ordered_json run_ = {{"suite", "needle"}, {"seed", 1}};
};

TEST_F(CellLogTest, GoesOnWhereItWasStopped) {
  CellLog(path_, run_).add("off | a", {{"answer", "é\n"}});
  CellLog log(path_, run_);
  ASSERT_NE(log.find("off | a"), nullptr);
  EXPECT_EQ(log.find("off | a")->at("answer"), "é\n");
  EXPECT_EQ(log.find("off | b"), nullptr);
  EXPECT_FALSE(std::filesystem::exists(path_));
}

TEST_F(CellLogTest, ALastLineThatWasNotFinishedIsForgotten) {
  CellLog(path_, run_).add("a", 1);
  std::ofstream(path_ + ".part", std::ios::app) << "[\"b\", {\"ans";
  CellLog log(path_, run_);
  EXPECT_NE(log.find("a"), nullptr);
  EXPECT_EQ(log.find("b"), nullptr);
  log.add("c", 3);
  EXPECT_NE(CellLog(path_, run_).find("c"), nullptr);
}

TEST_F(CellLogTest, AnotherRunsFileIsRefusedAndKept) {
  CellLog(path_, run_).add("a", 1);
  run_["seed"] = 2;
  try {
    CellLog log(path_, run_);
    FAIL() << "accepted";
  } catch (const Error& error) {
    EXPECT_THAT(error.what(), HasSubstr("is of a run with other settings"));
  }
  run_["seed"] = 1;
  EXPECT_NE(CellLog(path_, run_).find("a"), nullptr);
}

TEST_F(CellLogTest, TheResultTakesThePartsPlace) {
  CellLog log(path_, run_);
  log.add("a", 1);
  log.finish({{"rows", 2}});
  EXPECT_EQ(nlohmann::json::parse(read_file(path_)).at("rows"), 2);
  EXPECT_FALSE(std::filesystem::exists(path_ + ".part"));
}

TEST_F(CellLogTest, WithoutAPathNothingIsWritten) {
  CellLog log("", run_);
  log.add("a", 1);
  log.finish({});
  EXPECT_NE(log.find("a"), nullptr);
  EXPECT_EQ(log.part(), "");
}

TEST_F(CellLogTest, AFolderThatIsNotThereIsAnError) { EXPECT_THROW(CellLog("/nowhere/x.json", run_), Error); }

TEST(SuiteCell, ResultsSurviveJson) {
  CellResult result{1000, 250, {{"K8V8", 0.25}, {"pruned", 0.75}}, {{" 12345.", 7, FinishReason::kLength}}};
  const CellResult back = cell_from_json(cell_to_json(result));
  EXPECT_EQ(back.bytes_16bit, 1000);
  EXPECT_EQ(back.bytes, 250);
  EXPECT_EQ(back.kept, result.kept);
  ASSERT_EQ(back.answers.size(), 1u);
  EXPECT_EQ(back.answers[0].text, " 12345.");
  EXPECT_EQ(back.answers[0].tokens, 7);
  EXPECT_EQ(back.answers[0].finish, FinishReason::kLength);
}

TEST(SuiteCell, SharesOfSeveralPromptsAreWeightedByTheirTokens) {
  CacheUsage one, other;
  one.bytes_16bit = 100;
  one.tiers[std::size_t(TierId::kK8V8)].tokens = 10;
  other.bytes_16bit = 300;
  other.tiers[std::size_t(TierId::kK8V8)].tokens = 15;
  other.pruned = 15;
  CellResult result;
  result.add_prompt(one);
  result.add_prompt(other);
  EXPECT_EQ(result.bytes_16bit, 400);
  EXPECT_DOUBLE_EQ(result.kept.at("K8V8"), 0.25 + 0.75 * 0.5);
  EXPECT_DOUBLE_EQ(result.kept.at("pruned"), 0.75 * 0.5);
}

TEST(SuiteCell, CountsItsTokens) {
  const SuiteCell cell{"c", {1, 2, 3}, {{4}, {5, 6}}, 10, {}};
  EXPECT_EQ(cell.tokens(), 3 + 1 + 10 + 2 + 10);
  EXPECT_EQ(cell.longest(), 3 + 2 + 10);
}

}  // namespace
}  // namespace leankv
