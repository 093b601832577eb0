// Attention straight on the pages of one tier: decode against the machine's read bandwidth, prompts in operations.
#include <benchmark/benchmark.h>

#include <optional>
#include <random>
#include <string>
#include <vector>

#include "app/bench/synthetic.h"
#include "backend/cpu/cache_ops.h"
#include "engine/stopwatch.h"
#include "kernels/pools.h"
#include "kv/policy.h"

namespace leankv {
namespace {

constexpr int kDepth = 4096;       // tokens
constexpr int kCachedDepth = 512;  // whose pages stay in the L2 cache
constexpr int kKvHeads = 4;
constexpr int64_t kDecodeBytes = 192LL << 20;  // of all layers: far above the last cache, visited in turn
constexpr int kPromptRows = 512;

std::vector<float> random_values(std::size_t n) {
  std::mt19937 random(1);
  std::vector<float> values(n);
  for (float& x : values) x = float(random() % 2001) / 1000 - 1;
  return values;
}

// One sequence of random pages in random order, extended by the rows that are measured.
class Pages {
 public:
  Pages(const CacheOps& ops, TierId tier, int head_dim, int group, int layers, int depth, int rows)
      : policy_(tier == TierId::kK16V16 ? off_policy() : uniform_policy(tier)),
        shape_{layers, kKvHeads, group, head_dim},
        cache_(shape_, policy_.tiers, pool_bytes(tier), 1, nullptr, {}, ops.row_codec()),
        lease_(cache_.admit(policy_, tier)) {
    if (!fill_synthetic(cache_, lease_->slot(), depth, {})) std::abort();
    const std::vector<int> tokens(std::size_t(rows), 0);
    batch_.add(lease_->slot(), tokens, depth);
    if (!cache_.extend(batch_.entries)) std::abort();
  }

  void append(CacheOps& ops) {
    const int columns = kKvHeads * shape_.head_dim;
    const std::vector<float> x = random_values(std::size_t(batch_.rows()) * std::size_t(columns));
    const ConstMatrix rows{x.data(), batch_.rows(), columns};
    for (int layer = 0; layer < shape_.layers; ++layer) ops.append(cache_, batch_, layer, rows, rows);
  }

  KvCache& cache() { return cache_; }
  const Batch& batch() const { return batch_; }
  int layers() const { return shape_.layers; }
  int query_columns() const { return shape_.kv_heads * shape_.group * shape_.head_dim; }

 private:
  int64_t pool_bytes(TierId id) const {
    constexpr int64_t kTwice = 2;  // page sizes that suit no tier exactly, and the reserve
    const int64_t tokens = int64_t(kDepth) + 2 * kPromptRows;
    const int64_t reserve =
        int64_t(KvCache::reserve_pages(shape_)) * KvCache::page_bytes_for(policy_.tiers, shape_.head_dim);
    return kTwice * tokens * bytes_per_token(id, shape_.head_dim) * shape_.heads() + kTwice * reserve;
  }

  Policy policy_;
  CacheShape shape_;
  KvCache cache_;
  std::optional<SequenceCache> lease_;
  Batch batch_;
};

int64_t bytes_read(TierId id, int head_dim, int depth) {  // of one layer; significance is not looked at
  return int64_t(depth) * kKvHeads * (bytes_per_token(id, head_dim) - kSignificanceBytes);
}

void decode(benchmark::State& state, TierId id, int depth, int64_t all_bytes) {
  const int head_dim = int(state.range(0)), group = int(state.range(1)), threads = int(state.range(2));
  MeasuredPool& pool = pool_of(threads);
  CpuCacheOps ops(pool.threads, best_isa());
  const int64_t layer_bytes = bytes_read(id, head_dim, depth);
  Pages pages(ops, id, head_dim, group, int(all_bytes / layer_bytes) + 1, depth, 1);
  pages.append(ops);
  const std::vector<float> q = random_values(std::size_t(pages.query_columns()));
  std::vector<float> out(q.size());
  int layer = 0;
  const Stopwatch watch;
  for (auto _ : state) {
    ops.attend(pages.cache(), pages.batch(), layer, {q.data(), 1, pages.query_columns()},
               {out.data(), 1, pages.query_columns()});
    layer = (layer + 1) % pages.layers();
  }
  const double seconds = watch.ms() / 1000;
  count_bytes(state, pool, double(layer_bytes), seconds);
  state.counters["ns/token"] = seconds * threads * 1e9 / (double(state.iterations()) * depth * kKvHeads);  // of a head
}

void prompt(benchmark::State& state, TierId id) {
  const int head_dim = int(state.range(0)), group = int(state.range(1)), threads = int(state.range(2));
  MeasuredPool& pool = pool_of(threads);
  CpuCacheOps ops(pool.threads, best_isa());
  Pages pages(ops, id, head_dim, group, 1, kDepth, kPromptRows);
  pages.append(ops);
  const std::vector<float> q = random_values(std::size_t(pages.query_columns()) * kPromptRows);
  std::vector<float> out(q.size());
  const Stopwatch watch;
  for (auto _ : state) {
    ops.attend(pages.cache(), pages.batch(), 0, {q.data(), kPromptRows, pages.query_columns()},
               {out.data(), kPromptRows, pages.query_columns()});
  }
  // Products of queries with keys and of weights with values: a multiplication and an addition each; half of the
  // chunk's own tokens are in a row's future.
  const double tokens = kDepth + kPromptRows / 2.0;
  count_operations(state, pool, 4 * tokens * kPromptRows * pages.query_columns(), watch.ms() / 1000);
}

const int registered = [] {
  for (TierId id : {TierId::kK16V16, TierId::kK8V8, TierId::kK4V4, TierId::kK3V2}) {
    const std::string name(tier(id).name);
    auto* d = benchmark::RegisterBenchmark(("decode/" + name).c_str(), decode, id, kDepth, kDecodeBytes);
    d->ArgNames({"head_dim", "group", "threads"})->UseRealTime();
    for (int head_dim : {64, 128}) {
      for (int group : {1, 3, 4, 8}) d->Args({head_dim, group, 1})->Args({head_dim, group, 2});
    }
    auto* c = benchmark::RegisterBenchmark(("decode_in_cache/" + name).c_str(), decode, id, kCachedDepth, 0);
    c->ArgNames({"head_dim", "group", "threads"})->UseRealTime()->Args({64, 3, 1})->Args({128, 4, 1});
    auto* p = benchmark::RegisterBenchmark(("prompt/" + name).c_str(), prompt, id);
    p->ArgNames({"head_dim", "group", "threads"})->UseRealTime()->Unit(benchmark::kMillisecond);
    p->Args({64, 3, 2})->Args({128, 4, 2});
  }
  return 0;
}();

}  // namespace
}  // namespace leankv
