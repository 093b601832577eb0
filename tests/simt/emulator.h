// Runs the kernels of the CUDA backend on the host, one block after the other, each thread of a block a fiber.
//
// Threads run in a written order (forward, reversed or at random) until they wait for each other, so a kernel whose
// result depends on the order, as one that lacks a barrier does, shows it. Shared memory starts poisoned and lies
// between guards; copies that a thread has started but not waited for hold poison. Under the address sanitiser the
// guards are forbidden to touch, under the thread sanitiser only barriers order the threads, so that every missing one
// is a data race.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <stdexcept>
#include <string>
#include <vector>

#include "backend/cuda/simt.h"
#include "simt/fiber.h"

namespace leankv::simt {

enum class Order { kForward, kReversed, kRandom };
inline constexpr Order kOrders[] = {Order::kForward, Order::kReversed, Order::kRandom};

// What a kernel did that no kernel may: a barrier that not all threads reach, a warp that disagrees on a verb, a write
// outside shared memory.
struct BadKernel : std::runtime_error {
  using std::runtime_error::runtime_error;
};

// What a warp does together; its lanes must agree.
enum class Verb { kSync, kShuffle, kBallot, kMma, kTranspose, kLoadMatrix };

// Bytes between guards. Writes into the guards are found by check(), accesses at once under the address sanitiser.
class GuardedBytes {
 public:
  explicit GuardedBytes(std::size_t bytes, uint8_t fill);
  ~GuardedBytes();
  GuardedBytes(const GuardedBytes&) = delete;
  GuardedBytes& operator=(const GuardedBytes&) = delete;
  std::byte* data() const { return data_; }
  std::size_t size() const { return bytes_; }
  bool intact() const;

 private:
  static constexpr std::size_t kGuard = 256;
  std::size_t bytes_;
  std::unique_ptr<std::byte[]> storage_;
  std::byte* data_;
};

// The threads of one block while they run, and the block's shared memory. Kept for many blocks.
class BlockRun {
 public:
  static constexpr int kMaxOperandBytes = 48;  // one lane's share of a verb

  // body(block, thread)
  using Body = std::function<void(int, int)>;

  BlockRun(int threads, std::size_t shared_bytes, Order order, uint32_t seed, Body body);
  ~BlockRun();
  // Runs the body for all threads of a block. Throws BadKernel.
  void run(int block);

  int threads() const { return threads_; }
  std::byte* shared() const { return shared_->data(); }

  // Called by a thread of the block.
  void sync(int thread);
  void sync_warp(int thread);
  // The operands of all 32 lanes, [32][kMaxOperandBytes], valid until this lane's next exchange.
  const std::byte* exchange(int thread, Verb verb, const void* operand, std::size_t bytes);
  [[noreturn]] void fail(int thread, const char* what);

 private:
  struct Warp {
    int arrived = 0;
    uint64_t epoch = 0;
    Verb verb = Verb::kSync;
    alignas(16) std::byte operands[2][kWarp][kMaxOperandBytes];
    char tokens[2];  // for the thread sanitiser
  };
  struct Thread {
    BlockRun* run = nullptr;
    int number = 0;
    std::unique_ptr<Fiber> fiber;
    const uint64_t* waits_for = nullptr;  // an epoch
    uint64_t from = 0;                    // runs again when that is no longer this
  };
  void wait(int thread, const uint64_t& epoch, uint64_t from);
  std::vector<int> next_pass();
  bool pass();
  std::string stuck() const;

  static void run_thread(void* thread);

  Body body_;
  int block_ = 0;
  int threads_;
  Order order_;
  uint32_t random_;
  std::unique_ptr<GuardedBytes> shared_;
  std::vector<Thread> state_;
  std::vector<Warp> warps_;
  int at_barrier_ = 0;
  uint64_t barrier_epoch_ = 0;
  char barrier_tokens_[2];
  char start_token_ = 0, end_token_ = 0;
  std::string failure_;
};

}  // namespace leankv::simt
