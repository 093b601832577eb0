#include "base/cores.h"

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <thread>

#if defined(__linux__)
#include <sched.h>
#endif

namespace leankv {
namespace {

namespace fs = std::filesystem;

std::vector<int> allowed_processors() {
  std::vector<int> allowed;
#if defined(__linux__)
  cpu_set_t set;
  if (sched_getaffinity(0, sizeof set, &set) == 0) {
    for (int i = 0; i < CPU_SETSIZE; ++i) {
      if (CPU_ISSET(i, &set)) allowed.push_back(i);
    }
  }
#endif
  for (int i = 0; allowed.empty() && i < int(std::thread::hardware_concurrency()); ++i) allowed.push_back(i);
  if (allowed.empty()) allowed.push_back(0);
  return allowed;
}

// The lowest processor of the same core: the list begins with it ("0,64", "0-1").
int first_sibling(const fs::path& root, int processor) {
  const std::string name = "cpu" + std::to_string(processor);
  std::ifstream siblings(root / "sys/devices/system/cpu" / name / "topology/thread_siblings_list");
  int first = processor;
  siblings >> first;
  return siblings ? first : processor;
}

// Processors' worth of time in a period; infinity where there is no limit.
double time_share(const fs::path& root) {
  double quota = 0, period = 0;
  if (std::ifstream v2(root / "sys/fs/cgroup/cpu.max"); !(v2 >> quota >> period)) {
    std::ifstream(root / "sys/fs/cgroup/cpu/cpu.cfs_quota_us") >> quota;
    std::ifstream(root / "sys/fs/cgroup/cpu/cpu.cfs_period_us") >> period;
  }
  return quota > 0 && period > 0 ? quota / period : HUGE_VAL;
}

}  // namespace

std::vector<int> usable_cores(const fs::path& root) {
  std::vector<int> cores, seen;
  for (const int processor : allowed_processors()) {
    const int core = first_sibling(root, processor);
    if (std::ranges::find(seen, core) != seen.end()) continue;
    seen.push_back(core);
    cores.push_back(processor);
  }
  const double share = std::ceil(time_share(root));
  if (share < double(cores.size())) cores.resize(std::size_t(share));
  return cores;
}

void stay_on(int processor) {
#if defined(__linux__)
  cpu_set_t set;
  CPU_ZERO(&set);
  CPU_SET(processor, &set);
  sched_setaffinity(0, sizeof set, &set);  // a wish: without it the thread runs wherever the system puts it
#else
  (void)processor;
#endif
}

}  // namespace leankv
