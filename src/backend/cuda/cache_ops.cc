#include "backend/cuda/cache_ops.h"

#include <algorithm>
#include <chrono>

#include "backend/cuda/append.cuh"
#include "backend/cuda/attend_prompt.cuh"
#include "backend/cuda/head_size.h"
#include "backend/cuda/observe.cuh"
#include "backend/sequence_state.h"

namespace leankv {
namespace {

static_assert(MeanKeyKernel::kFirstLeftOut == kSkipFirst && MeanKeyKernel::kTokens == kMeanKeyTokens);

DeviceCache& keeper_of(const KvCache& cache) { return static_cast<DeviceCache&>(*cache.keeper()); }

RowsView view(ConstMatrix x) { return {x.data, int(x.stride)}; }

}  // namespace

// What weights leave of the share, less tables and scratch: page ids at the fewest tokens a page can hold, the staging
// area of one layer, partial results of decode.
std::optional<int64_t> CudaCacheOps::pool_bytes(const CacheShape& shape, int slots) const {
  constexpr int kFewestTokens = 4;
  const int64_t page_ids = int64_t(sizeof(PageId)) * slots * shape.heads() * (most_tokens_ / kFewestTokens);
  const int64_t staging = int64_t(shape.kv_heads + 1) * most_tokens_ * shape.head_dim * 4;
  const int64_t tiles = (shape.group + kQueriesPerWarp - 1) / kQueriesPerWarp;
  const int64_t partials = int64_t(slots) * tiles * shape.kv_heads * kMaxSplits * kQueriesPerWarp * shape.head_dim * 4;
  const int64_t used = device_.total_bytes() - device_.free_bytes();
  return int64_t(utilisation_ * double(device_.total_bytes())) - used - page_ids - 2 * staging - 2 * partials;
}

// The best of a few passes over memory far beyond the second-level cache.
std::optional<double> CudaCacheOps::measure_copy_peak() {
  constexpr int kPasses = 10;
  constexpr int64_t kMost = int64_t(1) << 30;
  const auto bytes = std::size_t(std::min(kMost, device_.free_bytes() / 16));
  DeviceArray<std::byte> from(device_, bytes), to(device_, bytes);
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    device_.wait();
    const auto begin = std::chrono::steady_clock::now();
    device_.copy(to.data(), from.data(), bytes);
    device_.wait();
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, 2 * double(bytes) / seconds.count());
  }
  return best;
}

// Steps in which every sequence has one row repeat, as long as nothing that they point to has moved.
void CudaCacheOps::run_step(KvCache& cache, const Batch& batch, const std::function<void()>& forward) {
  const Step& step = keeper_of(cache).step();
  inputs_.upload(batch);
  uint64_t key = 0;
  if (step.most_rows == 1 && !step.first_chunks) {
    const uint64_t parts[] = {
        uint64_t(step.rows),    uint64_t(batch.logit_rows.size()),
        uint64_t(step.gathers), uint64_t(step.observes),
        device_.moves(),        uint64_t(reinterpret_cast<std::uintptr_t>(cache.keeper()->pool()))};
    for (const uint64_t part : parts) key = (key ^ part) * 0x9e3779b97f4a7c15u + (key >> 29);
    key |= 1;
  }
  device_.repeat(key, forward);
}

void CudaCacheOps::append(KvCache& cache, const Batch&, int layer, ConstMatrix k, ConstMatrix v) {
  const DeviceCache& keeper = keeper_of(cache);
  const CacheTables& tables = keeper.tables();
  const Step& step = keeper.step();
  const Grid heads{tables.kv_heads, int(step.entries.size())};
  if (step.first_chunks) device_.launch<MeanKeyKernel>(heads, {tables, step.device_entries, layer, view(k)});
  if (step.gathers) device_.launch<GatherValuesKernel>(heads, {tables, step.device_entries, layer, view(v)});
  constexpr int kSmallestTile = 4;  // tokens; the first and the last tile may be shared with other steps
  const int tiles = (step.most_rows + kSmallestTile - 2) / kSmallestTile + 1;
  visit_head_size(tables.head_dim, [&](auto size) {
    using Kernel = AppendKernel<size()>;
    device_.launch<Kernel>(Kernel::grid(tables, int(step.entries.size()), tiles),
                           {tables, step.device_entries, layer, tiles, view(k), view(v)});
  });
}

void CudaCacheOps::attend(KvCache& cache, const Batch&, int layer, ConstMatrix q, Matrix out) {
  const DeviceCache& keeper = keeper_of(cache);
  const Step& step = keeper.step();
  const QueryHalves queries = prepare(keeper, q);
  attend_kind(keeper, layer, queries, step.decode, false, out);
  attend_kind(keeper, layer, queries, step.prompt, true, out);
  if (step.observes) observe(keeper, layer, queries);
  if (!step.gathers) return;
  const Grid grid{keeper.tables().kv_heads, int(step.entries.size())};
  device_.launch<GatherOutputsKernel>(grid, {keeper.tables(), step.device_entries, layer, view(q), view(out)});
}

QueryHalves CudaCacheOps::prepare(const DeviceCache& keeper, ConstMatrix q) {
  const CacheTables& tables = keeper.tables();
  const Step& step = keeper.step();
  const std::size_t queries = std::size_t(step.rows) * std::size_t(tables.kv_heads * tables.group);
  high_.reserve(device_, queries * std::size_t(tables.head_dim));
  low_.reserve(device_, queries * std::size_t(tables.head_dim));
  query_sums_.reserve(device_, queries);
  log_sums_.reserve(device_, queries);
  visit_head_size(tables.head_dim, [&](auto size) {
    using Kernel = QueryKernel<size()>;
    device_.launch<Kernel>(grid_for(int64_t(queries), Kernel::kHalfWarps),
                           {tables, step.device_entries, step.row_entry, step.rows, view(q), high_.data(), low_.data(),
                            query_sums_.data()});
  });
  return {high_.data(), low_.data(), query_sums_.data()};
}

void CudaCacheOps::attend_kind(const DeviceCache& keeper, int layer, const QueryHalves& q, const PlanView& plan,
                               bool prompt, Matrix out) {
  if (plan.n_problems == 0) return;
  constexpr int kBlocksPerProcessor = 4;  // each goes on to the next piece of work when it is done with one
  const CacheTables& tables = keeper.tables();
  const AttendParams params{tables, keeper.step().device_entries, layer, q, plan};
  visit_head_shape(tables.head_dim, [&](auto size, auto wide) {
    const Grid grid{kBlocksPerProcessor * device_.processors()};
    if (prompt) {
      device_.launch<AttendPromptKernel<size(), wide()>>(grid, params);
    } else {
      device_.launch<AttendDecodeKernel<size(), wide()>>(grid, params);
    }
    using Merge = MergeKernel<size()>;
    const int queries = prompt ? kPromptQueries : kQueriesPerWarp;
    const Grid merge{grid_for(int64_t(plan.n_problems) * queries, Merge::kHalfWarps).x, tables.kv_heads};
    device_.launch<Merge>(merge, {params, queries, out.data, int(out.stride), log_sums_.data()});
  });
}

void CudaCacheOps::observe(const DeviceCache& keeper, int layer, const QueryHalves& q) {
  const CacheTables& tables = keeper.tables();
  visit_head_shape(tables.head_dim, [&](auto size, auto wide) {
    using Kernel = ObserveKernel<size(), wide()>;
    device_.launch<Kernel>({tables.kv_heads * Kernel::kSplits, int(keeper.step().entries.size())},
                           {tables, keeper.step().device_entries, layer, q, log_sums_.data()});
  });
}

}  // namespace leankv
