// What the bodies of device kernels (*.cuh) are written against, so that g++ compiles them, too.
//
// A kernel is a struct with kThreads, Params, Shared and a static run(Block&, const Params&). Block is the machine:
// CudaBlock (cuda_block.cuh) on a GPU, simt::EmulatedBlock (tests/simt) on the host. Its verbs:
//
//   thread() threads() lane() warp()    the caller's place in its block
//   index() index_y() count()           the block's place in the grid, blocks along x
//   shared<S>()                         the block's shared memory as one struct, not initialised
//   sync() sync_warp()                  barriers; they alone order memory accesses
//   shuffle(x, from) ballot(p)          between the 32 lanes of a warp, which all take part
//   mma(c, a, b)                        c [16 x 8] += a [16 x 16] b [16 x 8], halves in, floats out (mma.m16n8k16)
//   transpose(x)                        an 8 x 8 matrix of 16-bit values, one 32-bit word a lane (movmatrix)
//   load_matrices(r, row, transposed)   four such matrices from shared memory; lane 8 i + j gives row j of the i-th
//   copy_async(to, from)                16 bytes from global to shared memory, there after copy_commit and copy_wait
//   copy_commit() copy_wait<N>()        ends a group of copies; waits until at most N groups are under way
//   add_atomically(p, x)                returns what was there; 32 or 64 bits
//   exp2(x)                             fast, within 2 units in the last place
//   pack_halves(low, high)              two floats rounded to halves; subtract_halves(a, b) on such pairs
//   byte_permute(a, b, selector)        four bytes of b:a, by the low nibbles of the selector (PRMT)
#pragma once

#include <cstdint>
#include <type_traits>
#include <utility>

#include "base/host_device.h"

// LEANKV_HD that also wants the call gone: where it stays, arrays that the caller hands over leave the registers.
// LEANKV_INLINE_LAMBDA says so of a lambda, behind its parameters.
#ifdef __CUDACC__
#define LEANKV_INLINE __host__ __device__ __forceinline__
#define LEANKV_INLINE_LAMBDA __attribute__((always_inline))
#else
#define LEANKV_INLINE inline
#define LEANKV_INLINE_LAMBDA
#endif

namespace leankv {

inline constexpr int kWarp = 32;

struct Grid {
  int x = 1;
  int y = 1;
};

// Calls f with 0, 1, ..., each a type, as far as they are below n: arrays that they index stay in registers.
template <class F, int... kIndices>
LEANKV_INLINE void unroll(std::integer_sequence<int, kIndices...>, int n, F&& f) {
  ((kIndices < n ? f(std::integral_constant<int, kIndices>{}) : void()), ...);
}
template <int kMost, class F>
LEANKV_INLINE void unroll(int n, F&& f) {
  unroll(std::make_integer_sequence<int, kMost>{}, n, f);
}

// Of all lanes of a warp, in every lane. Pairs are combined in one order, so all lanes hold the same bits.
template <class Block, class T, class Op>
LEANKV_INLINE T warp_reduce(Block& block, T x, Op op, int lanes = kWarp) {
  for (int stride = lanes / 2; stride > 0; stride /= 2) x = op(x, block.shuffle(x, block.lane() ^ stride));
  return x;
}

struct Plus {
  template <class T>
  LEANKV_INLINE T operator()(T a, T b) const {
    return a + b;
  }
};

struct Largest {
  template <class T>
  LEANKV_INLINE T operator()(T a, T b) const {
    return b > a ? b : a;
  }
};

template <class Block, class T>
LEANKV_INLINE T warp_sum(Block& block, T x, int lanes = kWarp) {
  return warp_reduce(block, x, Plus{}, lanes);
}
template <class Block, class T>
LEANKV_INLINE T warp_max(Block& block, T x, int lanes = kWarp) {
  return warp_reduce(block, x, Largest{}, lanes);
}

// The sum over the lanes before this one.
template <class Block, class T>
LEANKV_INLINE T warp_exclusive_sum(Block& block, T x) {
  T sum = x;
  for (int stride = 1; stride < kWarp; stride *= 2) {
    const T other = block.shuffle(sum, block.lane() >= stride ? block.lane() - stride : block.lane());
    if (block.lane() >= stride) sum += other;
  }
  return sum - x;
}

// Sums over the threads of a block; one warp's total each in shared memory.
template <class T, int kThreads>
struct BlockSums {
  static constexpr int kWarps = kThreads / kWarp;
  T of_warp[kWarps];

  // The sum over the threads before this one; the sum over all in *total. Starts with a barrier that protects of_warp.
  template <class Block>
  LEANKV_HD T exclusive(Block& block, T x, T* total) {
    block.sync();
    const T before = warp_exclusive_sum(block, x);
    if (block.lane() == kWarp - 1) of_warp[block.warp()] = before + x;
    block.sync();
    T first = 0, all = 0;
    for (int w = 0; w < kWarps; ++w) {
      if (w == block.warp()) first = all;
      all += of_warp[w];
    }
    *total = all;
    return first + before;
  }
  // In every thread, added up in one order. Starts with a barrier.
  template <class Block>
  LEANKV_HD T sum(Block& block, T x) {
    block.sync();
    const T of_this = warp_sum(block, x);
    if (block.lane() == 0) of_warp[block.warp()] = of_this;
    block.sync();
    T all = 0;
    for (int w = 0; w < kWarps; ++w) all += of_warp[w];
    return all;
  }
};

// The largest over the threads of a block.
template <class T, int kThreads>
struct BlockMax {
  T of_warp[kThreads / kWarp];

  // In every thread. Starts with a barrier.
  template <class Block>
  LEANKV_HD T max(Block& block, T x) {
    block.sync();
    const T of_this = warp_max(block, x);
    if (block.lane() == 0) of_warp[block.warp()] = of_this;
    block.sync();
    T all = of_warp[0];
    for (int w = 1; w < kThreads / kWarp; ++w) all = Largest{}(all, of_warp[w]);
    return all;
  }
};

}  // namespace leankv
