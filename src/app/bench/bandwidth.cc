#include "app/bench/bandwidth.h"

#include <sys/mman.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdint>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <new>
#include <vector>

namespace leankv {
namespace {

constexpr std::size_t kHugePage = 2u << 20;
constexpr std::size_t kLeastBytes = 256u << 20;
constexpr std::size_t kTimesLastCache = 8;
constexpr int kPasses = 8;
// A task's part: as long as the stretch of weights that a thread of a linear layer takes, not the whole of a core's
// share, so that a core that is slow for a moment does not hold up the pass.
constexpr std::size_t kPartBytes = 1u << 20;

struct Free {
  void operator()(std::uint64_t* p) const { std::free(p); }
};

std::size_t buffer_bytes() {
  const long cache = sysconf(_SC_LEVEL3_CACHE_SIZE);
  const std::size_t bytes = std::max(kLeastBytes, cache > 0 ? kTimesLastCache * std::size_t(cache) : 0);
  return (bytes + kHugePage - 1) / kHugePage * kHugePage;
}

// Sixteen sums: enough loads in flight to wait for memory and not for additions.
std::uint64_t sum(const std::uint64_t* words, std::size_t count) {
  std::uint64_t sums[16] = {};
  for (std::size_t i = 0; i < count; i += 16) {
    for (std::size_t j = 0; j < 16; ++j) sums[j] += words[i + j];
  }
  std::uint64_t total = 0;
  for (const std::uint64_t s : sums) total += s;
  return total;
}

}  // namespace

double measure_read_bandwidth(ThreadPool& threads) {
  const std::size_t bytes = buffer_bytes(), part = kPartBytes / sizeof(std::uint64_t);
  const std::unique_ptr<std::uint64_t, Free> words(static_cast<std::uint64_t*>(std::aligned_alloc(kHugePage, bytes)));
  if (!words) throw std::bad_alloc();
  madvise(words.get(), bytes, MADV_HUGEPAGE);
  const int parts = int(bytes / kPartBytes);
  threads.run(parts, [&](int i, int) { std::memset(words.get() + std::size_t(i) * part, i & 255, kPartBytes); });
  double best = 0;
  std::vector<std::uint64_t> sums(std::size_t(parts), 0);
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = std::chrono::steady_clock::now();
    threads.run(parts, [&](int i, int) { sums[std::size_t(i)] += sum(words.get() + std::size_t(i) * part, part); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, double(bytes) / seconds.count());
  }
  volatile std::uint64_t kept = sums.front();  // so that the sums are computed
  static_cast<void>(kept);
  return best;
}

}  // namespace leankv
