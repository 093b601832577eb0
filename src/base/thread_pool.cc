#include "base/thread_pool.h"

#include "base/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace leankv {
namespace {

constexpr int kSpins = 20000;  // about 100 us: longer than the gap between two loops of a forward pass

void relax() {
#if defined(__x86_64__)
  _mm_pause();
#endif
}

}  // namespace

ThreadPool::ThreadPool(int threads) {
  LEANKV_CHECK(threads >= 1);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { worker_loop(i); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
    generation_.fetch_add(1);
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(int tasks, Call call, void* context) {
  if (workers_.empty() || tasks <= 1) {
    for (int task = 0; task < tasks; ++task) call(context, task, 0);
    return;
  }
  {
    std::lock_guard lock(mutex_);
    tasks_ = tasks, call_ = call, context_ = context;
    next_task_.store(0, std::memory_order_relaxed);
    busy_.store(int(workers_.size()), std::memory_order_relaxed);
    generation_.fetch_add(1, std::memory_order_release);
  }
  wake_.notify_all();
  work(0);
  for (int spins = 0; busy_.load(std::memory_order_acquire) != 0; ++spins) {
    if (spins < kSpins)
      relax();
    else
      std::this_thread::yield();
  }
}

void ThreadPool::work(int thread) {
  for (int task; (task = next_task_.fetch_add(1, std::memory_order_relaxed)) < tasks_;) call_(context_, task, thread);
}

void ThreadPool::worker_loop(int thread) {
  for (unsigned seen = 0; wait_for_loop(seen);) {
    ++seen;
    work(thread);
    busy_.fetch_sub(1, std::memory_order_release);
  }
}

// Returns false when the pool stops. REQUIRES seen is the last loop this worker finished.
bool ThreadPool::wait_for_loop(unsigned seen) {
  for (int spins = 0; spins < kSpins; ++spins) {
    if (generation_.load(std::memory_order_acquire) != seen) return !stop_;
    relax();
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return generation_.load(std::memory_order_acquire) != seen; });
  return !stop_;
}

}  // namespace leankv
