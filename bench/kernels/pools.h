// Thread pools by size, each with the peaks that were measured with it, kept for all benchmarks of a program.
#pragma once

#include <benchmark/benchmark.h>

#include "base/thread_pool.h"

namespace leankv {

struct MeasuredPool {
  explicit MeasuredPool(int threads);

  ThreadPool threads;
  double bytes_per_second;       // read from memory
  double operations_per_second;  // of int8, on registers
};

MeasuredPool& pool_of(int threads);

// Bytes or operations of one iteration, as counters per second and beside the peak of the same pool. seconds: of all
// iterations.
void count_bytes(benchmark::State& state, const MeasuredPool& pool, double bytes, double seconds);
void count_operations(benchmark::State& state, const MeasuredPool& pool, double operations, double seconds);

}  // namespace leankv
