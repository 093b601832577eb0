// Attention over the pages of a layer: queries are prepared, pieces of work give partial results, these are merged.
#pragma once

#include "backend/cuda/attend_pages.cuh"
#include "backend/cuda/gather.cuh"
#include "backend/cuda/work_plan.h"

namespace leankv {

struct AttendParams {
  CacheTables tables;
  const StepEntry* entries;
  int layer;
  QueryHalves q;
  PlanView plan;
};

// How many pieces each problem of every layer is cut into. Grid: x layers * problems * kv_heads in threads.
struct CountSplitsKernel {
  static constexpr int kThreads = 128;
  struct Shared {};
  struct Params {
    CacheTables tables;
    const StepEntry* entries;
    const Problem* problems;
    int n_problems;
    bool prompt;
    uint32_t* splits;  // [layers, problems, kv_heads]
  };
  template <class Block>
  LEANKV_INLINE static void run(Block& block, const Params& p) {
    const int i = block.index() * kThreads + block.thread(), kv_heads = p.tables.kv_heads;
    if (i >= p.tables.layers * p.n_problems * kv_heads) return;
    const int layer = i / (p.n_problems * kv_heads), problem = i / kv_heads % p.n_problems;
    const int slot = p.entries[p.problems[problem].entry].slot;
    const uint32_t pages = p.tables.head(slot, layer * kv_heads + i % kv_heads).pages;
    p.splits[i] = uint32_t(splits_of(pages, p.prompt));
  }
};

// One piece of work.
struct WorkItem {
  int problem, kv_head;
  int split, splits;
  uint32_t item;  // of the layer: where its partial result goes

  // The i-th item of a layer. REQUIRES i below the layer's count.
  LEANKV_INLINE WorkItem(const PlanView& plan, const CacheTables& tables, int layer, uint32_t i) : item(i) {
    const uint32_t* sums = plan.splits + std::size_t(layer) * std::size_t(plan.n_problems * tables.kv_heads);
    const uint32_t wanted = sums[0] + i;
    int low = 0, high = plan.n_problems * tables.kv_heads;  // sums[low] <= wanted < sums[high]
    while (high - low > 1) {
      const int middle = (low + high) / 2;
      (sums[middle] <= wanted ? low : high) = middle;
    }
    problem = low / tables.kv_heads, kv_head = low % tables.kv_heads;
    split = int(wanted - sums[low]), splits = int(sums[low + 1] - sums[low]);
  }
  LEANKV_INLINE static uint32_t count(const PlanView& plan, const CacheTables& tables, int layer) {
    const std::size_t each = std::size_t(plan.n_problems * tables.kv_heads);
    return plan.splits[std::size_t(layer + 1) * each] - plan.splits[std::size_t(layer) * each];
  }
};

LEANKV_INLINE QueryColumns columns_of(const AttendParams& p, const WorkItem& item, int most) {
  const Problem& problem = p.plan.problems[item.problem];
  const StepEntry& entry = p.entries[problem.entry];
  const int head = p.layer * p.tables.kv_heads + item.kv_head, all = entry.rows * p.tables.group;
  const int left = all - problem.first_query;
  return {p.q,
          entry.first_row,
          problem.first_query,
          left < most ? left : most,
          p.tables.group,
          p.tables.kv_heads,
          item.kv_head,
          p.tables.head_dim,
          int(p.tables.head(entry.slot, head).tokens[kFreshList]) - entry.rows + 1};
}

// Queries rotated, scaled and split into two halves. Grid: half warps over rows * query heads.
template <int kMost>
struct QueryKernel {
  static constexpr int kThreads = 128, kHalfWarps = kThreads / kHalfWarp;
  struct Shared {};
  struct Params {
    CacheTables tables;
    const StepEntry* entries;
    const int* row_entry;  // [rows]
    int rows;
    RowsView q;            // [rows, kv_heads * group * head_dim]
    uint16_t *high, *low;  // [rows, kv_heads * group, head_dim]
    float* sums;           // [rows, kv_heads * group]
  };
  template <class Block>
  LEANKV_INLINE static void run(Block& block, const Params& p) {
    const int heads = p.tables.kv_heads * p.tables.group, d = p.tables.head_dim;
    const int job = block.index() * kHalfWarps + block.thread() / kHalfWarp;
    const bool exists = job < p.rows * heads;
    const int row = exists ? job / heads : 0, head = exists ? job % heads : 0;
    const SlotState& slot = p.tables.slots[p.entries[p.row_entry[row]].slot];
    LaneRow<kMost> x;
    for (int i = 0; i < kMost; ++i) {
      x.x[i] = 16 * i < d ? p.q.row(row)[head * d + 16 * i + half_lane(block)] : 0.0f;
    }
    LaneRow<kMost> rotated = x;
    hadamard(block, rotated, d);
    const float scale = kLog2E / std::sqrt(float(d));
    const std::size_t first = (std::size_t(row) * heads + head) * d;
    float sum = 0;
    for (int i = 0; i < kMost; ++i) {
      if (16 * i >= d) continue;
      const float value = (slot.rotate ? rotated.x[i] : x.x[i]) * scale;
      const uint16_t high = float_to_half(value), low = float_to_half(value - half_to_float(high));
      sum += half_to_float(high) + half_to_float(low);
      if (exists) p.high[first + 16 * i + half_lane(block)] = high, p.low[first + 16 * i + half_lane(block)] = low;
    }
    sum = half_sum(block, sum);
    if (exists && half_lane(block) == 0) p.sums[job] = sum;
  }
};

// Decode: a piece of work per block, its steps dealt out to the warps, the warps' results merged in shared memory.
template <int kMost, bool kWide>
struct AttendDecodeKernel {
  static constexpr int kThreads = 128, kWarps = kThreads / kWarp;
  using Params = AttendParams;
  struct Shared {
    float max[kWarps][kQueriesPerWarp], sum[kWarps][kQueriesPerWarp], shift[kWarps][kQueriesPerWarp];
    float out[kQueriesPerWarp][16 * kMost];
  };

  template <class Block>
  LEANKV_INLINE static void run(Block& block, const Params& p) {
    const uint32_t items = WorkItem::count(p.plan, p.tables, p.layer);
    for (uint32_t i = uint32_t(block.index()); i < items; i += uint32_t(block.count())) {
      attend(block, p, WorkItem(p.plan, p.tables, p.layer, i));
      block.sync();
    }
  }

  template <class Block>
  LEANKV_INLINE static void attend(Block& block, const Params& p, const WorkItem& item) {
    const int slot = p.entries[p.plan.problems[item.problem].entry].slot;
    const int head = p.layer * p.tables.kv_heads + item.kv_head, n = p.tables.head_dim / 16;
    const uint32_t pages = p.tables.head(slot, head).pages;
    const uint32_t begin = pages * uint32_t(item.split) / uint32_t(item.splits);
    const uint32_t end = pages * uint32_t(item.split + 1) / uint32_t(item.splits);
    WarpQueries<kMost> q;
    load_queries<kMost, true>(block, columns_of(p, item, kQueriesPerWarp), 0, q);
    WarpColumns columns;
    WarpOutput<kMost> out;
    const RowMap map(p.tables, slot, head);
    for (int list = 0; list < p.tables.slots[slot].lists; ++list) {
      const PageRun run = run_of(p.tables, slot, head, map, list, begin, end);
      if (run.first_token >= run.last_token) continue;
      visit_device_tier(run.tier->id, [&](auto tier) LEANKV_INLINE_LAMBDA {
        for (int base = run.first_token + 16 * block.warp(); base < run.last_token; base += 16 * kWarps) {
          PageStep<tier(), kWide> step(block, run, base);
          attend_step(block, q, columns, out, n, step);
        }
      });
    }
    merge_warps(block, p, item, columns, out, n);
  }

  template <class Block>
  LEANKV_INLINE static void merge_warps(Block& block, const Params& p, const WorkItem& item, WarpColumns& columns,
                                        WarpOutput<kMost>& out, int n) {
    auto& shared = block.template shared<Shared>();
    const int first = block.lane() % 4 * 2, row = block.lane() / 4;
    float scale[2];
    for (int i = 0; i < 2; ++i) {
      const float sum = column_sum(block, columns.sum[i]), shift = column_sum(block, columns.shift[i]);
      if (row != 0) continue;
      shared.max[block.warp()][first + i] = columns.max[i];
      shared.sum[block.warp()][first + i] = sum;
      shared.shift[block.warp()][first + i] = shift;
    }
    for (int i = block.thread(); i < kQueriesPerWarp * 16 * kMost; i += kThreads) (&shared.out[0][0])[i] = 0;
    block.sync();
    for (int i = 0; i < 2; ++i) scale[i] = share(block, block.warp(), first + i);
    for (int w = 0; w < kWarps; ++w) {
      if (w == block.warp()) {
        unroll<kMost>(n, [&](auto k) LEANKV_INLINE_LAMBDA {
          for (int i = 0; i < 4; ++i) shared.out[first + i % 2][16 * k + row + i / 2 * 8] += out.x[k][i] * scale[i % 2];
        });
      }
      block.sync();
    }
    store(block, p, item);
  }
  // What a warp's sums of a column count relative to the block's maximum.
  template <class Block>
  LEANKV_INLINE static float share(Block& block, int warp, int column) {
    auto& shared = block.template shared<Shared>();
    const float max = block_max(shared, column), own = shared.max[warp][column];
    return own == kNoLogit ? 0.0f : block.exp2(own - max);
  }
  LEANKV_INLINE static float block_max(const Shared& shared, int column) {
    float max = shared.max[0][column];
    for (int w = 1; w < kWarps; ++w) max = shared.max[w][column] > max ? shared.max[w][column] : max;
    return max;
  }

  template <class Block>
  LEANKV_INLINE static void store(Block& block, const Params& p, const WorkItem& item) {
    auto& shared = block.template shared<Shared>();
    const int d = p.tables.head_dim;
    const std::size_t first = std::size_t(item.item) * kQueriesPerWarp;
    for (int i = block.thread(); i < kQueriesPerWarp * d; i += kThreads) {
      float shift = 0;
      for (int w = 0; w < kWarps; ++w) shift += shared.shift[w][i / d] * share(block, w, i / d);
      p.plan.partials.out[first * d + i] = shared.out[i / d][i % d] * (1 / kWeightScale) + shift;
    }
    if (block.thread() >= kQueriesPerWarp) return;
    float sum = 0;
    for (int w = 0; w < kWarps; ++w) sum += shared.sum[w][block.thread()] * share(block, w, block.thread());
    p.plan.partials.max[first + block.thread()] = block_max(shared, block.thread());
    p.plan.partials.sum[first + block.thread()] = sum;
  }
};

// Merges the partial results of every query in the order of the splits, restores and writes the outputs, and what makes
// logits probabilities. Grid: half warps over problems * queries, y KV heads.
template <int kMost>
struct MergeKernel {
  static constexpr int kThreads = 128, kHalfWarps = kThreads / kHalfWarp;
  struct Shared {};
  struct Params {
    AttendParams attend;
    int queries;  // of a problem
    float* out;   // [rows, kv_heads * group * head_dim]
    int stride;
    float* log_sums;  // [rows, kv_heads * group] log2 of the sum of 2^logit
  };
  template <class Block>
  LEANKV_INLINE static void run(Block& block, const Params& p) {
    const AttendParams& a = p.attend;
    const int job = block.index() * kHalfWarps + block.thread() / kHalfWarp, problem = job / p.queries;
    const bool in_plan = problem < a.plan.n_problems;
    const Problem& at = a.plan.problems[in_plan ? problem : 0];
    const StepEntry& entry = a.entries[at.entry];
    const int query = at.first_query + job % p.queries, d = a.tables.head_dim, kv_head = block.index_y();
    const bool exists = in_plan && query < entry.rows * a.tables.group;
    const uint32_t* sums = a.plan.splits +
                           std::size_t(a.layer * a.plan.n_problems + (in_plan ? problem : 0)) * a.tables.kv_heads +
                           kv_head;
    const uint32_t layer_first = a.plan.splits[std::size_t(a.layer * a.plan.n_problems) * a.tables.kv_heads];
    LaneRow<kMost> x = {};
    float max = kNoLogit, sum = 0;
    for (uint32_t i = sums[0]; exists && i < sums[1]; ++i) {
      const std::size_t from = std::size_t(i - layer_first) * std::size_t(p.queries) + std::size_t(job % p.queries);
      add(block, a.plan.partials, from, d, x, max, sum);
    }
    for (int i = 0; i < kMost; ++i) x.x[i] = exists ? x.x[i] / sum : 0.0f;
    LaneRow<kMost> restored = x;
    hadamard(block, restored, d);
    if (!exists) return;
    const bool rotate = a.tables.slots[entry.slot].rotate;
    const int row = entry.first_row + query / a.tables.group, head = kv_head * a.tables.group + query % a.tables.group;
    float* to = p.out + std::size_t(row) * std::size_t(p.stride) + head * d;
    for (int i = 0; i < kMost; ++i) {
      if (16 * i < d) to[16 * i + half_lane(block)] = rotate ? restored.x[i] : x.x[i];
    }
    if (half_lane(block) == 0) p.log_sums[row * a.tables.kv_heads * a.tables.group + head] = max + std::log2(sum);
  }
  // into := into + from, two partial results of the same query (backend/cpu/attention_merge.h).
  template <class Block>
  LEANKV_INLINE static void add(Block& block, const Partials& partials, std::size_t from, int d, LaneRow<kMost>& x,
                                float& max, float& sum) {
    const float other = partials.max[from], other_sum = partials.sum[from];
    if (other_sum == 0) return;
    const float top = other > max ? other : max;
    const float keep = sum == 0 ? 0.0f : block.exp2(max - top), share = block.exp2(other - top);
    for (int i = 0; i < kMost; ++i) {
      if (16 * i < d) x.x[i] = x.x[i] * keep + partials.out[from * d + 16 * i + half_lane(block)] * share;
    }
    sum = sum * keep + other_sum * share;
    max = top;
  }
};

}  // namespace leankv
