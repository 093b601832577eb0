// A fixed set of threads that run one parallel loop at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <cstdint>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace leankv {

// Owned by whoever computes; run() is called from one thread at a time. The caller works too, as thread 0.
// Workers spin for a short while after a loop, because the next one usually follows within microseconds, then sleep.
class ThreadPool {
 public:
  // REQUIRES threads >= 1. cores: where the workers stay, thread i on cores[i] as long as there is one. The caller,
  // which starts other threads too, may go anywhere and finds the core that is left.
  explicit ThreadPool(int threads, std::vector<int> cores = {});
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return int(shares_.size()); }

  static constexpr int kMaxTasks = (1 << 20) - 1;

  // Calls fn(task, thread) once for each task in [0, tasks), tasks <= kMaxTasks, thread in [0, size()); returns when
  // all are done. Each thread first takes an equal share of consecutive tasks in ascending order, so that loops over
  // the same data find it in the same thread's cache and memory, then helps the others from the ends of theirs; which
  // thread takes which task is not fixed, so results must not depend on it. fn must not throw.
  template <class Fn>
  void run(int tasks, Fn&& fn) {
    using F = std::remove_reference_t<Fn>;
    run_erased(
        tasks, [](void* f, int task, int thread) { (*static_cast<F*>(f))(task, thread); },
        const_cast<void*>(static_cast<const void*>(&fn)));
  }

 private:
  using Call = void (*)(void* context, int task, int thread);
  void run_erased(int tasks, Call call, void* context);
  void deal(uint32_t loop, int tasks);
  void work(uint32_t loop, int thread);
  void worker_loop(int thread);
  uint32_t wait_for_loop(uint32_t seen);

  // A thread's tasks that nobody has taken, with the loop they belong to, in one word: a task is taken only from its
  // own loop, so nobody waits for a worker that wakes up late.
  struct Tasks;
  struct alignas(64) Share {  // a cache line, so that owners do not disturb each other
    std::atomic<uint64_t> word{0};
  };
  static int take(Share& share, uint32_t loop, bool from_front);

  const std::vector<int> cores_;
  std::vector<Share> shares_;      // [size()]
  std::atomic<uint32_t> loop_{0};  // 24 bits
  std::atomic<int> done_{0};       // tasks of the current loop that are finished
  Call call_ = nullptr;
  void* context_ = nullptr;

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<bool> stop_{false};
};

}  // namespace leankv
