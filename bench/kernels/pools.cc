#include "kernels/pools.h"

#include <map>
#include <memory>

#include "app/bench/bandwidth.h"
#include "kernels/peak.h"

namespace leankv {

MeasuredPool::MeasuredPool(int count)
    : threads(count),
      bytes_per_second(measure_read_bandwidth(threads)),
      operations_per_second(measure_int8_peak(threads)) {}

MeasuredPool& pool_of(int threads) {
  static std::map<int, std::unique_ptr<MeasuredPool>> pools;
  std::unique_ptr<MeasuredPool>& pool = pools[threads];
  if (!pool) pool = std::make_unique<MeasuredPool>(threads);
  return *pool;
}

void count_bytes(benchmark::State& state, const MeasuredPool& pool, double bytes, double seconds) {
  const double rate = bytes * double(state.iterations()) / seconds;
  state.counters["GB/s"] = rate / 1e9;
  state.counters["of_peak"] = rate / pool.bytes_per_second;
}

void count_operations(benchmark::State& state, const MeasuredPool& pool, double operations, double seconds) {
  const double rate = operations * double(state.iterations()) / seconds;
  state.counters["GOP/s"] = rate / 1e9;
  state.counters["of_int8_peak"] = rate / pool.operations_per_second;
}

}  // namespace leankv
