#include "base/thread_pool.h"

#include <algorithm>

#include "base/cores.h"
#include "base/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace leankv {
namespace {

constexpr int kSpins = 20000;  // about 100 us: longer than the gap between two loops of a forward pass
constexpr uint32_t kLoopMask = 0xffffff;

// yield would do nothing on most Arm cores; isb takes about as long as pause.
void relax() {
#if defined(__x86_64__)
  _mm_pause();
#elif defined(__aarch64__)
  asm volatile("isb");
#endif
}

}  // namespace

struct ThreadPool::Tasks {
  uint32_t loop;  // 24 bits
  int begin, end;

  static Tasks of(uint64_t word) { return {uint32_t(word >> 40), int(word >> 20 & kMaxTasks), int(word & kMaxTasks)}; }
  uint64_t word() const { return uint64_t(loop) << 40 | uint64_t(begin) << 20 | uint64_t(end); }
};

ThreadPool::ThreadPool(int threads, std::vector<int> cores)
    : cores_(std::move(cores)), shares_(size_t(std::max(1, threads))) {
  LEANKV_CHECK(threads >= 1);
  for (int i = 1; i < threads; ++i) workers_.emplace_back([this, i] { worker_loop(i); });
}

ThreadPool::~ThreadPool() {
  {
    std::lock_guard lock(mutex_);
    stop_ = true;
  }
  wake_.notify_all();
  for (std::thread& worker : workers_) worker.join();
}

void ThreadPool::run_erased(int tasks, Call call, void* context) {
  LEANKV_CHECK(tasks <= kMaxTasks);
  if (workers_.empty() || tasks <= 1) {
    for (int task = 0; task < tasks; ++task) call(context, task, 0);
    return;
  }
  call_ = call, context_ = context;
  done_.store(0, std::memory_order_relaxed);
  const uint32_t loop = (loop_.load(std::memory_order_relaxed) + 1) & kLoopMask;
  deal(loop, tasks);
  {
    std::lock_guard lock(mutex_);  // a worker that is about to sleep sees the new loop, or is woken
    loop_.store(loop, std::memory_order_release);
  }
  wake_.notify_all();
  work(loop, 0);
  for (int spins = 0; done_.load(std::memory_order_acquire) != tasks; ++spins) {
    if (spins < kSpins)
      relax();
    else
      std::this_thread::yield();
  }
}

// Equal shares in order of the threads; the first ones take one more where it does not come out even.
void ThreadPool::deal(uint32_t loop, int tasks) {
  const int threads = int(shares_.size()), each = tasks / threads, more = tasks % threads;
  for (int i = 0, begin = 0; i < threads; ++i) {
    const int end = begin + each + (i < more);
    shares_[size_t(i)].word.store(Tasks{loop, begin, end}.word(), std::memory_order_release);
    begin = end;
  }
}

// A task of this loop, or -1 where the share has none left.
int ThreadPool::take(Share& share, uint32_t loop, bool from_front) {
  uint64_t word = share.word.load(std::memory_order_acquire);
  for (;;) {
    Tasks left = Tasks::of(word);
    if (left.loop != loop || left.begin == left.end) return -1;
    const int task = from_front ? left.begin++ : --left.end;
    if (share.word.compare_exchange_weak(word, left.word(), std::memory_order_acq_rel)) return task;
  }
}

// Takes and runs tasks of this loop until none is left: the thread's own, then those of the threads behind it.
void ThreadPool::work(uint32_t loop, int thread) {
  for (int i = 0; i < size(); ++i) {
    Share& share = shares_[size_t((thread + i) % size())];
    int finished = 0;
    for (int task; (task = take(share, loop, i == 0)) >= 0; ++finished) call_(context_, task, thread);
    if (finished > 0) done_.fetch_add(finished, std::memory_order_release);
  }
}

void ThreadPool::worker_loop(int thread) {
  if (thread < int(cores_.size())) stay_on(cores_[size_t(thread)]);
  for (uint32_t seen = 0; !stop_;) {
    seen = wait_for_loop(seen);
    work(seen, thread);
  }
}

// Returns the current loop when it is another one than `seen`, or when the pool stops.
uint32_t ThreadPool::wait_for_loop(uint32_t seen) {
  const auto current = [&] { return loop_.load(std::memory_order_acquire); };
  for (int spins = 0; spins < kSpins; ++spins) {
    if (current() != seen) return current();
    relax();
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return current() != seen || stop_; });
  return current();
}

}  // namespace leankv
