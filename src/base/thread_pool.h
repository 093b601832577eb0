// A fixed set of threads that run one parallel loop at a time.
#pragma once

#include <atomic>
#include <condition_variable>
#include <mutex>
#include <thread>
#include <type_traits>
#include <vector>

namespace leankv {

// Owned by whoever computes; run() is called from one thread at a time. The caller works too, as thread 0.
// Workers spin for a short while after a loop, because the next one usually follows within microseconds, then sleep.
class ThreadPool {
 public:
  explicit ThreadPool(int threads);  // REQUIRES threads >= 1
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  int size() const { return int(workers_.size()) + 1; }

  // Calls fn(task, thread) once for each task in [0, tasks), thread in [0, size()); returns when all are done.
  // Which thread takes which task is not fixed, so results must not depend on it. fn must not throw.
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
  void work(int thread);
  void worker_loop(int thread);
  bool wait_for_loop(unsigned seen);

  std::vector<std::thread> workers_;
  std::mutex mutex_;
  std::condition_variable wake_;
  std::atomic<unsigned> generation_{0};  // counts loops; a change starts the workers
  std::atomic<int> next_task_{0};
  std::atomic<int> busy_{0};  // workers that have not finished the current loop
  std::atomic<bool> stop_{false};
  int tasks_ = 0;
  Call call_ = nullptr;
  void* context_ = nullptr;
};

}  // namespace leankv
