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

struct ThreadPool::Ticket {
  uint32_t loop;  // 24 bits
  int tasks, next;

  static Ticket of(uint64_t word) { return {uint32_t(word >> 40), int(word >> 20 & kMaxTasks), int(word & kMaxTasks)}; }
  uint64_t word() const { return uint64_t(loop & 0xffffffu) << 40 | uint64_t(tasks) << 20 | uint64_t(next); }
};

ThreadPool::ThreadPool(int threads) {
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
  const uint32_t loop = Ticket::of(ticket_.load(std::memory_order_relaxed)).loop + 1;
  {
    std::lock_guard lock(mutex_);  // a worker that is about to sleep sees the new loop, or is woken
    ticket_.store(Ticket{loop, tasks, 0}.word(), std::memory_order_release);
  }
  wake_.notify_all();
  work(loop & 0xffffffu, 0);
  for (int spins = 0; done_.load(std::memory_order_acquire) != tasks; ++spins) {
    if (spins < kSpins)
      relax();
    else
      std::this_thread::yield();
  }
}

// Takes and runs tasks of this loop until none is left.
void ThreadPool::work(uint32_t loop, int thread) {
  for (uint64_t word = ticket_.load(std::memory_order_acquire);;) {
    Ticket ticket = Ticket::of(word);
    if (ticket.loop != loop || ticket.next == ticket.tasks) return;
    const int task = ticket.next++;
    if (!ticket_.compare_exchange_weak(word, ticket.word(), std::memory_order_acq_rel)) continue;
    call_(context_, task, thread);
    done_.fetch_add(1, std::memory_order_release);
    word = ticket_.load(std::memory_order_acquire);
  }
}

void ThreadPool::worker_loop(int thread) {
  for (uint32_t seen = 0; !stop_;) {
    seen = wait_for_loop(seen);
    work(seen, thread);
  }
}

// Returns the current loop when it is another one than `seen`, or when the pool stops.
uint32_t ThreadPool::wait_for_loop(uint32_t seen) {
  const auto current = [&] { return Ticket::of(ticket_.load(std::memory_order_acquire)).loop; };
  for (int spins = 0; spins < kSpins; ++spins) {
    if (current() != seen) return current();
    relax();
  }
  std::unique_lock lock(mutex_);
  wake_.wait(lock, [&] { return current() != seen || stop_; });
  return current();
}

}  // namespace leankv
