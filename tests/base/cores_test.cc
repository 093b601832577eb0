#include "base/cores.h"

#include <gtest/gtest.h>
#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>
#include <thread>

namespace leankv {
namespace {

namespace fs = std::filesystem;

class CoresTest : public ::testing::Test {
 protected:
  CoresTest() : root_(fs::temp_directory_path() / ("leankv_cores_" + std::to_string(::getpid()))) {}
  ~CoresTest() override { fs::remove_all(root_); }

  void write(const std::string& path, const std::string& text) const {
    fs::create_directories((root_ / path).parent_path());
    std::ofstream(root_ / path) << text;
  }
  void all_are_siblings(const std::string& list) const {
    for (const int p : usable_cores(root_)) {
      write("sys/devices/system/cpu/cpu" + std::to_string(p) + "/topology/thread_siblings_list", list);
    }
  }

  const fs::path root_;
};

TEST_F(CoresTest, WithoutFilesEveryAllowedProcessorIsACore) {
  const std::vector<int> cores = usable_cores(root_);
  ASSERT_FALSE(cores.empty());
  EXPECT_TRUE(std::ranges::is_sorted(cores));
}

TEST_F(CoresTest, SiblingsAreOneCore) {
  const int first = usable_cores(root_).front();
  all_are_siblings(std::to_string(first) + "-99\n");
  EXPECT_EQ(usable_cores(root_), std::vector<int>{first});
}

TEST_F(CoresTest, AShareOfTimeLimitsThem) {
  const std::size_t all = usable_cores(root_).size();
  write("sys/fs/cgroup/cpu.max", "50000 100000\n");
  EXPECT_EQ(usable_cores(root_).size(), 1u);
  write("sys/fs/cgroup/cpu.max", "max 100000\n");
  EXPECT_EQ(usable_cores(root_).size(), all);
}

TEST_F(CoresTest, SoDoesTheFirstVersionOfControlGroups) {
  const std::size_t all = usable_cores(root_).size();
  write("sys/fs/cgroup/cpu/cpu.cfs_period_us", "100000\n");
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "100000\n");
  EXPECT_EQ(usable_cores(root_).size(), 1u);
  write("sys/fs/cgroup/cpu/cpu.cfs_quota_us", "-1\n");
  EXPECT_EQ(usable_cores(root_).size(), all);
}

TEST_F(CoresTest, AThreadThatStaysSomewhereHasOneCore) {
  const int last = usable_cores().back();
  std::vector<int> left;
  std::thread([&] {
    stay_on(last);
    left = usable_cores(root_);
  }).join();
  EXPECT_EQ(left, std::vector<int>{last});
}

}  // namespace
}  // namespace leankv
