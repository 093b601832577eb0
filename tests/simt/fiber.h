// A stack to run a function on, switched to and from by hand: what a thread of an emulated block is.
#pragma once

#include <cstddef>
#include <memory>
#include <vector>

namespace leankv::simt {

// Used from one thread. A body that is started anew before the one before has returned abandons that one's locals.
// Stacks and what the sanitisers keep of a fiber are dear: they are used again (FiberPool).
class Fiber {
 public:
  static constexpr std::size_t kStackBytes = 256 << 10;  // sanitised frames are large

  Fiber();
  ~Fiber();
  Fiber(const Fiber&) = delete;
  Fiber& operator=(const Fiber&) = delete;

  void start(void (*body)(void*), void* argument);  // the next resume() runs it from the beginning
  void resume();                                    // until the body returns or calls leave()
  void leave();                                     // from inside the body: back to resume()
  bool finished() const { return finished_; }

 private:
  static void enter(Fiber* fiber);
  void run();

  std::byte* stack_;
  void (*body_)(void*) = nullptr;
  void* argument_ = nullptr;
  void* inside_ = nullptr;   // stack pointer of the body while it is left
  void* outside_ = nullptr;  // of the caller of resume() while the body runs
  void* sanitizer_fiber_ = nullptr;
  void* sanitizer_caller_ = nullptr;
  const void* caller_stack_ = nullptr;  // for the address sanitiser
  std::size_t caller_stack_bytes_ = 0;
  bool finished_ = true;
};

// Fibers that nobody uses at the moment.
class FiberPool {
 public:
  std::unique_ptr<Fiber> take();
  void give(std::unique_ptr<Fiber> fiber) { free_.push_back(std::move(fiber)); }
  static FiberPool& of_this_thread();

 private:
  std::vector<std::unique_ptr<Fiber>> free_;
};

}  // namespace leankv::simt
