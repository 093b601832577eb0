// What is done row by row: storing new keys and values by tier, and the exponentials of the gate.
#include <benchmark/benchmark.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "backend/cpu/cache_ops.h"
#include "backend/cpu/dense_ops.h"
#include "engine/stopwatch.h"
#include "kernels/pools.h"
#include "kv/policy.h"

namespace leankv {
namespace {

constexpr int kRows = 512, kKvHeads = 4;

std::vector<float> random_values(std::size_t n) {
  std::mt19937 random(1);
  std::vector<float> x(n);
  for (float& v : x) v = float(random() % 2001) / 1000 - 1;
  return x;
}

// A chunk of a prompt: centred, rotated, quantised, written. Rows of one head and one side.
void append(benchmark::State& state, TierId id) {
  const int head_dim = int(state.range(0));
  MeasuredPool& pool = pool_of(int(state.range(1)));
  CpuCacheOps ops(pool.threads, best_isa());
  const Policy policy = id == TierId::kK16V16 ? off_policy() : uniform_policy(id);
  const CacheShape shape{1, kKvHeads, 1, head_dim};
  KvCache cache(shape, policy.tiers, 64 << 20, 1, nullptr, {}, ops.row_codec());
  std::optional<SequenceCache> lease = cache.admit(policy, id);
  Batch batch;
  batch.add(lease->slot(), std::vector<int>(kRows, 0), 0);
  if (!cache.extend(batch.entries)) std::abort();
  const int columns = kKvHeads * head_dim;
  const std::vector<float> x = random_values(std::size_t(kRows) * std::size_t(columns));
  const ConstMatrix rows{x.data(), kRows, columns};
  const Stopwatch watch;
  for (auto _ : state) ops.append(cache, batch, 0, rows, rows);
  const double n = 2.0 * kRows * kKvHeads * double(state.iterations()), seconds = watch.ms() / 1000;
  state.counters["rows/s"] = n / seconds;
  state.counters["GB/s"] = n * head_dim * sizeof(float) / seconds / 1e9;
}

// gate / (1 + exp(-gate)) * up: an exponential per channel.
void gate(benchmark::State& state) {
  const int columns = 1536, tokens = int(state.range(0));
  MeasuredPool& pool = pool_of(int(state.range(1)));
  CpuDenseOps ops(pool.threads, best_isa(), Activations::kExact);
  const std::vector<float> x = random_values(std::size_t(tokens) * columns);
  std::vector<float> work(x);
  const Stopwatch watch;
  for (auto _ : state) ops.gate({work.data(), tokens, columns}, {x.data(), tokens, columns});
  const double n = double(tokens) * columns * double(state.iterations()), seconds = watch.ms() / 1000;
  state.counters["Gexp/s"] = n / seconds / 1e9;
}

const int registered = [] {
  for (TierId id : {TierId::kK16V16, TierId::kK8V8, TierId::kK4V4, TierId::kK3V2, TierId::kQ8Q8}) {
    auto* b = benchmark::RegisterBenchmark(("append/" + std::string(tier(id).name)).c_str(), append, id);
    b->ArgNames({"head_dim", "threads"})->UseRealTime()->Args({64, 1})->Args({64, 2})->Args({128, 2});
  }
  auto* g = benchmark::RegisterBenchmark("gate", gate);
  g->ArgNames({"tokens", "threads"})->UseRealTime()->Args({1, 1})->Args({512, 1})->Args({512, 2});
  return 0;
}();

}  // namespace
}  // namespace leankv
