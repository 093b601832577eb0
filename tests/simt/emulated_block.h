// One thread's view of an emulated block: the verbs of backend/cuda/simt.h.
#pragma once

#include <cmath>
#include <cstring>
#include <type_traits>
#include <vector>

#include "base/half.h"
#include "simt/emulator.h"

namespace leankv::simt {

class EmulatedBlock {
 public:
  EmulatedBlock(BlockRun& run, int thread, Grid index, Grid grid)
      : run_(run), thread_(thread), index_(index), grid_(grid) {}

  int thread() const { return thread_; }
  int threads() const { return run_.threads(); }
  int lane() const { return thread_ % kWarp; }
  int warp() const { return thread_ / kWarp; }
  int index() const { return index_.x; }
  int index_y() const { return index_.y; }
  int count() const { return grid_.x; }

  template <class S>
  S& shared() {
    return *reinterpret_cast<S*>(run_.shared());
  }
  void sync() { run_.sync(thread_); }
  void sync_warp() { run_.sync_warp(thread_); }

  template <class T>
  T shuffle(T x, int from) {
    return lane_of<T>(run_.exchange(thread_, Verb::kShuffle, &x, sizeof x), from);
  }
  uint32_t ballot(bool p) {
    const std::byte* all = run_.exchange(thread_, Verb::kBallot, &p, sizeof p);
    uint32_t bits = 0;
    for (int lane = 0; lane < kWarp; ++lane) bits |= uint32_t(lane_of<bool>(all, lane)) << lane;
    return bits;
  }

  // PTX ISA, "Matrix Fragments for mma.m16n8k16": a lane holds rows lane / 4 and + 8, columns 2 (lane % 4) and + 8.
  void mma(float (&c)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    const uint32_t words[6] = {a[0], a[1], a[2], a[3], b[0], b[1]};
    const std::byte* all = run_.exchange(thread_, Verb::kMma, words, sizeof words);
    for (int i = 0; i < 4; ++i) {
      const int row = lane() / 4 + i / 2 * 8, column = lane() % 4 * 2 + i % 2;
      for (int k = 0; k < 16; ++k) c[i] += element_a(all, row, k) * element_b(all, k, column);
    }
  }
  uint32_t transpose(uint32_t x) {
    const std::byte* all = run_.exchange(thread_, Verb::kTranspose, &x, sizeof x);
    const int row = lane() / 4, column = lane() % 4 * 2;
    const auto element = [&](int r, int c) { return lane_of<uint32_t>(all, r * 4 + c / 2) >> (c % 2 * 16) & 0xffffu; };
    return element(column, row) | element(column + 1, row) << 16;
  }
  void load_matrices(uint32_t (&r)[4], const void* row, bool transposed) {
    const std::byte* all = run_.exchange(thread_, Verb::kLoadMatrix, &row, sizeof row);
    if (reinterpret_cast<std::uintptr_t>(row) % 16 != 0) run_.fail(thread_, "a matrix row that is not 16-byte aligned");
    for (int i = 0; i < 4; ++i) {
      const auto element = [&](int from_row, int column) {
        return uint32_t(static_cast<const uint16_t*>(lane_of<const void*>(all, 8 * i + from_row))[column]);
      };
      const int a = lane() / 4, b = lane() % 4 * 2;
      r[i] = transposed ? element(b, a) | element(b + 1, a) << 16 : element(a, b) | element(a, b + 1) << 16;
    }
  }

  void copy_async(void* to, const void* from) {
    const bool aligned = (reinterpret_cast<std::uintptr_t>(to) | reinterpret_cast<std::uintptr_t>(from)) % 16 == 0;
    if (!aligned) run_.fail(thread_, "an asynchronous copy that is not 16-byte aligned");
    std::memset(to, 0xee, 16);  // the bytes may come at any time until the wait
    copies_.push_back({to, from});
  }
  void copy_commit() {
    groups_.push_back(std::move(copies_));
    copies_.clear();
  }
  template <int kGroups>
  void copy_wait() {
    while (int(groups_.size()) > kGroups) {
      for (const Copy& copy : groups_.front()) std::memcpy(copy.to, copy.from, 16);
      groups_.erase(groups_.begin());
    }
  }

  template <class T>
  T add_atomically(T* p, std::type_identity_t<T> x) {
    return __atomic_fetch_add(p, x, __ATOMIC_RELAXED);
  }
  float exp2(float x) { return std::exp2(x); }
  uint32_t pack_halves(float low, float high) {
    return uint32_t(float_to_half(low)) | uint32_t(float_to_half(high)) << 16;
  }
  uint32_t subtract_halves(uint32_t a, uint32_t b) {
    const auto half = [](uint32_t pair, int i) { return half_to_float(uint16_t(pair >> 16 * i)); };
    return pack_halves(half(a, 0) - half(b, 0), half(a, 1) - half(b, 1));
  }
  uint32_t byte_permute(uint32_t a, uint32_t b, uint32_t selector) {
    const uint64_t bytes = uint64_t(b) << 32 | a;
    uint32_t out = 0;
    for (int i = 0; i < 4; ++i) out |= uint32_t(bytes >> (selector >> 4 * i & 7) * 8 & 0xff) << 8 * i;
    return out;
  }

 private:
  struct Copy {
    void* to;
    const void* from;
  };
  template <class T>
  static T lane_of(const std::byte* all, int lane) {
    static_assert(sizeof(T) <= BlockRun::kMaxOperandBytes);
    T x;
    std::memcpy(&x, all + lane * BlockRun::kMaxOperandBytes, sizeof x);
    return x;
  }
  static float half_of(const std::byte* all, int lane, int word, int half) {
    uint32_t bits;
    std::memcpy(&bits, all + lane * BlockRun::kMaxOperandBytes + 4 * word, sizeof bits);
    return half_to_float(uint16_t(bits >> 16 * half));
  }
  static float element_a(const std::byte* all, int row, int k) {
    return half_of(all, row % 8 * 4 + k % 8 / 2, row / 8 + k / 8 * 2, k % 2);
  }
  static float element_b(const std::byte* all, int k, int column) {
    return half_of(all, column * 4 + k % 8 / 2, 4 + k / 8, k % 2);
  }

  BlockRun& run_;
  int thread_;
  Grid index_, grid_;
  std::vector<Copy> copies_;
  std::vector<std::vector<Copy>> groups_;
};

// Runs a kernel over a grid, blocks in the same order as threads. Throws BadKernel.
template <class Kernel, class Block = EmulatedBlock>
void run_grid(Grid grid, const typename Kernel::Params& params, Order order, uint32_t seed = 1) {
  BlockRun* run = nullptr;
  const auto body = [&](int block, int thread) {
    Block view(*run, thread, {block % grid.x, block / grid.x}, grid);
    Kernel::run(view, params);
  };
  BlockRun owner(Kernel::kThreads, sizeof(typename Kernel::Shared), order, seed, body);
  run = &owner;
  const int blocks = grid.x * grid.y;
  for (int i = 0; i < blocks; ++i) owner.run(order == Order::kForward ? i : blocks - 1 - i);
}

}  // namespace leankv::simt
