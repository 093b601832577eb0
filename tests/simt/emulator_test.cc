// Kernels that are right give the same result in every order of threads; kernels that are wrong on purpose are caught.
#include "simt/emulator.h"

#include <gtest/gtest.h>

#include "simt/emulated_block.h"
#include "simt/sanitizers.h"

namespace leankv::simt {
namespace {

struct Nothing {};

// Sums pairs at growing distance in shared memory; without the barrier the result depends on the order.
template <bool kBarrier>
struct TreeSum {
  static constexpr int kThreads = 64;
  struct Params {
    const int* in;
    int* out;
  };
  struct Shared {
    int x[kThreads];
  };
  template <class Block>
  static void run(Block& block, const Params& p) {
    auto& shared = block.template shared<Shared>();
    const int t = block.thread();
    shared.x[t] = p.in[block.index() * kThreads + t];
    for (int stride = kThreads / 2; stride > 0; stride /= 2) {
      if (kBarrier) block.sync();
      if (t < stride) shared.x[t] += shared.x[t + stride];
    }
    if (t == 0) p.out[block.index()] = shared.x[0];
  }
};

template <class Kernel>
std::vector<int> tree_sums(Order order) {
  std::vector<int> in(128), out(2);
  for (int i = 0; i < 128; ++i) in[i] = i * i;
  run_grid<Kernel>({2}, {in.data(), out.data()}, order);
  return out;
}

TEST(SimtEmulator, ResultsDoNotDependOnTheOrder) {
  int first = 0, second = 0;
  for (int i = 0; i < 64; ++i) first += i * i, second += (i + 64) * (i + 64);
  for (const Order order : kOrders) EXPECT_EQ(tree_sums<TreeSum<true>>(order), (std::vector{first, second}));
}

TEST(SimtEmulator, AMissingBarrierShows) {
  if (sees_races()) {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    EXPECT_EXIT((tree_sums<TreeSum<false>>(Order::kReversed), std::exit(0)), testing::ExitedWithCode(66), "data race");
    return;
  }
  EXPECT_NE(tree_sums<TreeSum<false>>(Order::kForward), tree_sums<TreeSum<true>>(Order::kForward));
}

// A barrier that half of the threads skip.
struct DivergentBarrier : TreeSum<true> {
  template <class Block>
  static void run(Block& block, const Params&) {
    if (block.thread() < 32) block.sync();
  }
};

TEST(SimtEmulator, ABarrierThatNotAllReachIsAnError) {
  const int in = 0;
  int out = 0;
  EXPECT_THROW(run_grid<DivergentBarrier>({}, {&in, &out}, Order::kForward), BadKernel);
}

struct DivergentWarp : TreeSum<true> {
  template <class Block>
  static void run(Block& block, const Params& p) {
    if (block.thread() % 2 == 0) {
      p.out[0] = block.shuffle(1, 0);
    } else {
      block.ballot(true);
    }
  }
};

TEST(SimtEmulator, AWarpThatDisagreesIsAnError) {
  const int in = 0;
  int out = 0;
  EXPECT_THROW(run_grid<DivergentWarp>({}, {&in, &out}, Order::kForward), BadKernel);
}

struct OutOfBounds : TreeSum<true> {
  template <class Block>
  static void run(Block& block, const Params&) {
    if (block.thread() == 5) *(&block.template shared<Shared>().x[0] + kThreads) = 1;
  }
};

TEST(SimtEmulator, AWriteOutsideSharedMemoryIsCaught) {
  const int in = 0;
  int out = 0;
  const auto run = [&] { run_grid<OutOfBounds>({}, {&in, &out}, Order::kForward); };
  if (forbids()) {
    EXPECT_DEATH(run(), "use-after-poison|heap-buffer-overflow");
  } else {
    EXPECT_THROW(run(), BadKernel);
  }
}

// Reads what was copied, after a wait or not.
template <int kGroupsLeft>
struct AsyncCopy {
  static constexpr int kThreads = 32;
  struct Params {
    const uint32_t* in;  // [128], 16-byte aligned
    uint32_t* out;       // [128]
  };
  struct Shared {
    alignas(16) uint32_t x[128];
  };
  template <class Block>
  static void run(Block& block, const Params& p) {
    auto& shared = block.template shared<Shared>();
    block.copy_async(&shared.x[4 * block.thread()], p.in + 4 * block.thread());
    block.copy_commit();
    block.template copy_wait<kGroupsLeft>();
    block.sync();
    for (int i = block.thread(); i < 128; i += kThreads) p.out[i] = shared.x[127 - i];
  }
};

TEST(SimtEmulator, ACopyArrivesAtTheWaitAndNotBefore) {
  alignas(16) uint32_t in[128];
  std::vector<uint32_t> out(128), expected(128);
  for (int i = 0; i < 128; ++i) in[i] = uint32_t(i), expected[127 - i] = uint32_t(i);
  run_grid<AsyncCopy<0>>({}, {in, out.data()}, Order::kRandom);
  EXPECT_EQ(out, expected);
  run_grid<AsyncCopy<1>>({}, {in, out.data()}, Order::kRandom);
  EXPECT_EQ(out, std::vector<uint32_t>(128, 0xeeeeeeee));
}

// Shared memory that was never written, and an index that is off by one.
struct Unwritten : TreeSum<true> {
  template <class Block>
  static void run(Block& block, const Params& p) {
    p.out[block.thread()] = block.template shared<Shared>().x[block.thread()];
  }
};

TEST(SimtEmulator, SharedMemoryStartsPoisoned) {
  const int in = 0;
  std::vector<int> out(64, 0);
  run_grid<Unwritten>({}, {&in, out.data()}, Order::kForward);
  EXPECT_EQ(out, std::vector<int>(64, -1));
}

struct WarpVerbs {
  static constexpr int kThreads = 64;
  using Shared = Nothing;
  struct Params {
    int *sum, *largest, *before;  // [64]
    uint32_t* ballot;             // [64]
  };
  template <class Block>
  static void run(Block& block, const Params& p) {
    const int t = block.thread();
    p.sum[t] = warp_sum(block, t);
    p.largest[t] = warp_max(block, t % 7);
    p.before[t] = warp_exclusive_sum(block, t);
    p.ballot[t] = block.ballot(t % 3 == 0);
  }
};

TEST(SimtEmulator, WarpVerbs) {
  for (const Order order : kOrders) {
    std::vector<int> sum(64), largest(64), before(64);
    std::vector<uint32_t> ballot(64);
    run_grid<WarpVerbs>({}, {sum.data(), largest.data(), before.data(), ballot.data()}, order);
    for (int t = 0; t < 64; ++t) {
      const int first = t / 32 * 32;
      uint32_t bits = 0;
      int until = 0;
      for (int i = first; i < first + 32; ++i) bits |= uint32_t(i % 3 == 0) << (i - first), until += i < t ? i : 0;
      EXPECT_EQ(sum[t], first * 32 + 31 * 16);
      EXPECT_EQ(largest[t], 6);
      EXPECT_EQ(before[t], until);
      EXPECT_EQ(ballot[t], bits);
    }
  }
}

// c = a b through fragments that are filled from plain matrices, and b from shared memory both ways round.
struct MatrixVerbs {
  static constexpr int kThreads = 32;
  struct Params {
    const uint16_t *a, *b;  // [16, 16], [16, 8] halves
    float *c, *c_loaded;    // [16, 8] twice
    uint32_t* transposed;   // [32]
  };
  struct Shared {
    alignas(16) uint16_t a[16][16];
  };
  template <class Block>
  static void run(Block& block, const Params& p) {
    auto& shared = block.template shared<Shared>();
    const int row = block.lane() / 4, column = block.lane() % 4 * 2;
    const auto two = [](const uint16_t* x, int step) { return uint32_t(x[0]) | uint32_t(x[step]) << 16; };
    for (int i = block.lane(); i < 256; i += kWarp) shared.a[i / 16][i % 16] = p.a[i];
    block.sync_warp();
    const uint32_t b[2] = {two(p.b + column * 8 + row, 8), two(p.b + (column + 8) * 8 + row, 8)};
    uint32_t a[4];
    for (int i = 0; i < 4; ++i) a[i] = two(p.a + (row + i % 2 * 8) * 16 + column + i / 2 * 8, 1);
    multiply(block, a, b, p.c);
    block.load_matrices(a, &shared.a[block.lane() % 16][block.lane() / 16 * 8], false);
    multiply(block, a, b, p.c_loaded);
    p.transposed[block.lane()] = block.transpose(two(p.a + row * 16 + column, 1));
  }
  template <class Block>
  static void multiply(Block& block, const uint32_t (&a)[4], const uint32_t (&b)[2], float* to) {
    float c[4] = {};
    block.mma(c, a, b);
    for (int i = 0; i < 4; ++i) to[(block.lane() / 4 + i / 2 * 8) * 8 + block.lane() % 4 * 2 + i % 2] = c[i];
  }
};

TEST(SimtEmulator, MatrixVerbs) {
  uint16_t a[256], b[128];
  float c[128], c_loaded[128], expected[128] = {};
  uint32_t transposed[32];
  for (int i = 0; i < 256; ++i) a[i] = float_to_half(float(i * 7 % 11 - 5));
  for (int i = 0; i < 128; ++i) b[i] = float_to_half(float(i * 5 % 13 - 6));
  for (int i = 0; i < 16 * 8 * 16; ++i) {
    const int row = i / 128, column = i / 16 % 8, k = i % 16;
    expected[row * 8 + column] += half_to_float(a[row * 16 + k]) * half_to_float(b[k * 8 + column]);
  }
  for (const Order order : kOrders) {
    run_grid<MatrixVerbs>({}, {a, b, c, c_loaded, transposed}, order);
    EXPECT_EQ(std::vector(c, c + 128), std::vector(expected, expected + 128));
    EXPECT_EQ(std::vector(c_loaded, c_loaded + 128), std::vector(expected, expected + 128));
    for (int lane = 0; lane < 32; ++lane) {
      EXPECT_EQ(transposed[lane] & 0xffff, a[lane % 4 * 2 * 16 + lane / 4]);
      EXPECT_EQ(transposed[lane] >> 16, a[(lane % 4 * 2 + 1) * 16 + lane / 4]);
    }
  }
}

struct BlockScan {
  static constexpr int kThreads = 96;
  using Shared = BlockSums<int, kThreads>;
  struct Params {
    int *before, *total, *sum;  // [96]
  };
  template <class Block>
  static void run(Block& block, const Params& p) {
    auto& sums = block.template shared<Shared>();
    const int t = block.thread();
    p.before[t] = sums.exclusive(block, t + 1, &p.total[t]);
    p.sum[t] = sums.sum(block, t);
  }
};

TEST(SimtEmulator, BlockSums) {
  for (const Order order : kOrders) {
    std::vector<int> before(96), total(96), sum(96);
    run_grid<BlockScan>({}, {before.data(), total.data(), sum.data()}, order);
    for (int t = 0; t < 96; ++t) {
      EXPECT_EQ(before[t], t * (t + 1) / 2);
      EXPECT_EQ(total[t], 96 * 97 / 2);
      EXPECT_EQ(sum[t], 95 * 96 / 2);
    }
  }
}

}  // namespace
}  // namespace leankv::simt
