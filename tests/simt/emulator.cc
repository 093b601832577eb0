#include "simt/emulator.h"

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <numeric>

#include "simt/sanitizers.h"

namespace leankv::simt {
namespace {

constexpr auto kGuardByte = std::byte(0xcb);
constexpr uint8_t kPoison = 0xff;  // NaN, or an index far outside

}  // namespace

GuardedBytes::GuardedBytes(std::size_t bytes, uint8_t fill)
    : bytes_(bytes), storage_(new std::byte[bytes + 3 * kGuard]) {
  const auto first = reinterpret_cast<std::uintptr_t>(storage_.get()) + kGuard;
  data_ = storage_.get() + kGuard + (kGuard - first % kGuard) % kGuard;
  std::memset(data_ - kGuard, int(kGuardByte), kGuard);
  std::memset(data_, fill, bytes);
  std::memset(data_ + bytes, int(kGuardByte), kGuard);
  forbid(data_ - kGuard, kGuard);
  forbid(data_ + bytes, kGuard);
}

GuardedBytes::~GuardedBytes() { allow(data_ - kGuard, bytes_ + 2 * kGuard); }

bool GuardedBytes::intact() const {
  if (forbids()) return true;  // a write there would have stopped the program
  const auto untouched = [](const std::byte* from) {
    return std::all_of(from, from + kGuard, [](std::byte b) { return b == kGuardByte; });
  };
  return untouched(data_ - kGuard) && untouched(data_ + bytes_);
}

BlockRun::BlockRun(int threads, std::size_t shared_bytes, Order order, uint32_t seed, Body body)
    : body_(std::move(body)), threads_(threads), order_(order), random_(seed | 1) {
  if (threads % kWarp != 0) throw BadKernel("a block of " + std::to_string(threads) + " threads: not whole warps");
  state_.resize(threads);
  warps_.resize(threads / kWarp);
  for (int t = 0; t < threads; ++t) {
    state_[t].run = this, state_[t].number = t;
    state_[t].fiber = FiberPool::of_this_thread().take();
  }
  shared_ = std::make_unique<GuardedBytes>(shared_bytes, kPoison);
}

BlockRun::~BlockRun() {
  for (Thread& thread : state_) FiberPool::of_this_thread().give(std::move(thread.fiber));
}

void BlockRun::run(int block) {
  block_ = block;
  std::memset(shared_->data(), kPoison, shared_->size());
  for (Warp& warp : warps_) warp.arrived = 0;
  at_barrier_ = 0;
  release(&start_token_);
  for (Thread& thread : state_) {
    thread.waits_for = nullptr;
    thread.fiber->start(run_thread, &thread);
  }
  while (pass()) {
  }
  acquire(&end_token_);  // the next block gets the same stacks and shared memory
  if (failure_.empty() && !shared_->intact()) failure_ = "a write outside shared memory";
  if (!failure_.empty()) throw BadKernel(failure_);
}

void BlockRun::run_thread(void* thread) {
  const auto* self = static_cast<Thread*>(thread);
  acquire(&self->run->start_token_);
  self->run->body_(self->run->block_, self->number);
  release(&self->run->end_token_);
}

// Threads in the order of the next pass.
std::vector<int> BlockRun::next_pass() {
  std::vector<int> order(threads_);
  std::iota(order.begin(), order.end(), 0);
  if (order_ == Order::kReversed) std::ranges::reverse(order);
  if (order_ == Order::kRandom) {
    for (int i = threads_ - 1; i > 0; --i) {
      random_ ^= random_ << 13, random_ ^= random_ >> 17, random_ ^= random_ << 5;  // Marsaglia's xorshift
      std::swap(order[i], order[random_ % uint32_t(i + 1)]);
    }
  }
  return order;
}

// Lets every thread run that can; false when all have finished or something failed.
bool BlockRun::pass() {
  bool progress = false, unfinished = false;
  for (const int t : next_pass()) {
    Thread& thread = state_[t];
    if (thread.fiber->finished()) continue;
    unfinished = true;
    if (thread.waits_for != nullptr && *thread.waits_for == thread.from) continue;
    thread.waits_for = nullptr;
    thread.fiber->resume();
    progress = true;
    if (!failure_.empty()) return false;
  }
  if (unfinished && !progress) failure_ = stuck();
  return unfinished && progress;
}

std::string BlockRun::stuck() const {
  const auto finished = std::ranges::count_if(state_, [](const Thread& t) { return t.fiber->finished(); });
  return "stuck: " + std::to_string(at_barrier_) + " of " + std::to_string(threads_) + " threads at the barrier, " +
         std::to_string(finished) + " finished, the others wait for lanes of their warps";
}

void BlockRun::wait(int thread, const uint64_t& epoch, uint64_t from) {
  state_[thread].waits_for = &epoch;
  state_[thread].from = from;
  release(&end_token_);  // should this be the last that is seen of it
  state_[thread].fiber->leave();
}

void BlockRun::sync(int thread) {
  const uint64_t epoch = barrier_epoch_;
  release(&barrier_tokens_[epoch % 2]);
  if (++at_barrier_ == threads_) {
    at_barrier_ = 0;
    ++barrier_epoch_;
  } else {
    wait(thread, barrier_epoch_, epoch);
  }
  acquire(&barrier_tokens_[epoch % 2]);
}

void BlockRun::sync_warp(int thread) {
  Warp& warp = warps_[thread / kWarp];
  char* token = &warp.tokens[warp.epoch % 2];
  release(token);
  exchange(thread, Verb::kSync, nullptr, 0);
  acquire(token);
}

// A lane can deposit for the next exchange but one only when all have deposited for the next, so have read this one.
const std::byte* BlockRun::exchange(int thread, Verb verb, const void* operand, std::size_t bytes) {
  Warp& warp = warps_[thread / kWarp];
  const uint64_t epoch = warp.epoch;
  if (warp.arrived == 0) warp.verb = verb;
  if (warp.verb != verb) fail(thread, "the lanes of a warp disagree on what to do together");
  auto& operands = warp.operands[epoch % 2];
  const auto* from = static_cast<const std::byte*>(operand);
  for (std::size_t i = 0; i < bytes; ++i) operands[thread % kWarp][i] = from[i];
  if (++warp.arrived == kWarp) {
    warp.arrived = 0;
    ++warp.epoch;
  } else {
    wait(thread, warp.epoch, epoch);
  }
  return &operands[0][0];
}

void BlockRun::fail(int thread, const char* what) {
  failure_ = what;
  release(&end_token_);
  state_[thread].fiber->leave();
  std::abort();  // nobody resumes a thread of a failed block
}

}  // namespace leankv::simt
