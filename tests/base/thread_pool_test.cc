#include "base/thread_pool.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <numeric>
#include <thread>

#include "base/cores.h"

namespace leankv {
namespace {

class ThreadPoolTest : public ::testing::TestWithParam<int> {
 protected:
  ThreadPool pool_{GetParam()};
};

TEST_P(ThreadPoolTest, CountsTheCaller) { EXPECT_EQ(pool_.size(), GetParam()); }

TEST_P(ThreadPoolTest, WorkersStayOnTheirCores) {
  const std::vector<int> cores = usable_cores();
  ThreadPool pool(GetParam(), cores);
  std::vector<std::vector<int>> left(size_t(pool.size()));
  pool.run(1000, [&](int, int thread) {
    if (left[size_t(thread)].empty()) left[size_t(thread)] = usable_cores();
  });
  for (size_t i = 1; i < std::min(left.size(), cores.size()); ++i) {
    EXPECT_TRUE(left[i].empty() || left[i] == std::vector<int>{cores[i]}) << i;
  }
  EXPECT_EQ(usable_cores(), cores);  // the caller goes where it likes
}

TEST_P(ThreadPoolTest, RunsEveryTaskOnce) {
  for (int tasks : {0, 1, 2, 7, 1000}) {
    std::vector<int> runs(size_t(tasks), 0);  // not atomic: a task run twice at once is a data race
    pool_.run(tasks, [&](int task, int) { ++runs[size_t(task)]; });
    EXPECT_EQ(runs, std::vector<int>(size_t(tasks), 1));
  }
}

TEST_P(ThreadPoolTest, NamesAThreadThatNoOtherTaskUsesAtOnce) {
  std::vector<int> tasks_of_thread(size_t(pool_.size()), 0);  // not atomic, as above
  pool_.run(1000, [&](int, int thread) { ++tasks_of_thread.at(size_t(thread)); });
  EXPECT_EQ(std::accumulate(tasks_of_thread.begin(), tasks_of_thread.end(), 0), 1000);
}

// The first task, which thread 0 takes, ends when all others have: its thread's other tasks are left to the helpers.
TEST_P(ThreadPoolTest, TakesOverTheTasksOfAThreadThatIsBusy) {
  if (pool_.size() == 1) GTEST_SKIP() << "nobody to help";
  constexpr int kTasks = 64;
  const auto limit = std::chrono::steady_clock::now() + std::chrono::seconds(20);
  std::atomic<int> others{0};
  int seen_by_first = 0;
  pool_.run(kTasks, [&](int task, int) {
    if (task > 0) ++others;
    while (task == 0 && others < kTasks - 1 && std::chrono::steady_clock::now() < limit) std::this_thread::yield();
    if (task == 0) seen_by_first = others;
  });
  EXPECT_EQ(seen_by_first, kTasks - 1);
}

TEST_P(ThreadPoolTest, EachLoopSeesTheResultsOfTheOneBefore) {
  constexpr int kLoops = 500;
  std::vector<int> from(64, 0), to(64, 0);
  for (int loop = 0; loop < kLoops; ++loop) {
    pool_.run(64, [&](int task, int) { to[size_t(task)] = from[size_t((task + 1) % 64)] + 1; });
    std::swap(from, to);
  }
  EXPECT_EQ(from, std::vector<int>(64, kLoops));
}

TEST_P(ThreadPoolTest, WakesWorkersThatFellAsleep) {
  for (int loop = 0; loop < 3; ++loop) {
    std::this_thread::sleep_for(std::chrono::milliseconds(20));  // far longer than they spin
    std::vector<int> runs(100, 0);
    pool_.run(100, [&](int task, int) { ++runs[size_t(task)]; });
    EXPECT_EQ(runs, std::vector<int>(100, 1));
  }
}

INSTANTIATE_TEST_SUITE_P(Sizes, ThreadPoolTest, ::testing::Values(1, 2, 3, 8));

TEST(ThreadPoolLifetime, StopsIdleAndFreshWorkers) {
  for (int i = 0; i < 50; ++i) {
    ThreadPool pool(4);
    if (i % 2 == 0) continue;
    int sum = 0;
    pool.run(1, [&](int, int) { ++sum; });
    EXPECT_EQ(sum, 1);
  }
}

}  // namespace
}  // namespace leankv
