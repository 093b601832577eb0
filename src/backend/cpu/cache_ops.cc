#include "backend/cpu/cache_ops.h"

#include <algorithm>

#include "backend/append.h"
#include "backend/cpu/kernels/row_codec.h"

namespace leankv {
namespace {

constexpr int kTasksPerThread = 4;  // that even out their lengths

}  // namespace

CpuCacheOps::CpuCacheOps(ThreadPool& pool, Isa isa)
    : pool_(pool), kernels_(attention_kernels(isa)), row_codec_(leankv::row_codec(isa)), scratch_(pool.size()) {}

void CpuCacheOps::append(KvCache& cache, const Batch& batch, int layer, ConstMatrix k, ConstMatrix v) {
  const int heads = cache.shape().kv_heads, head_dim = cache.shape().head_dim;
  pool_.run(int(batch.entries.size()) * heads, [&](int task, int) {
    const BatchEntry& entry = batch.entries[task / heads];
    const int head = task % heads;
    append_head(cache, entry, layer, head, columns_of(k, entry, head * head_dim, head_dim),
                columns_of(v, entry, head * head_dim, head_dim));
  });
}

void CpuCacheOps::attend(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) {
  attend_blocks(cache, batch, layer, q, out);
  attend_rows(cache, batch, layer, q, out);
}

namespace {

// This head's part of what follows the attention of an entry.
void keep_statistics(const AttentionKernels& kernels, KvCache& cache, const BatchEntry& entry, int layer, int head,
                     std::span<const Observation> seen, ConstMatrix q, ConstMatrix out) {
  const int columns = cache.shape().group * cache.shape().head_dim;
  record(cache, entry, layer, head, seen, kernels.update_significances);
  gather_outputs(cache, entry, layer, head, columns_of(q, entry, head * columns, columns),
                 columns_of(out, entry, head * columns, columns));
}

}  // namespace

// Entries of several rows: a task is a block of rows with all its segments.
void CpuCacheOps::attend_blocks(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) {
  struct Head {
    const BatchEntry* entry;
    int head;
    std::size_t first_block, blocks;
    std::vector<Segment> segments;
  };
  std::vector<Head> heads;
  for (const BatchEntry& entry : batch.entries) {
    for (int h = 0; h < cache.shape().kv_heads && entry.rows > 1; ++h) {
      heads.push_back({&entry, h, 0, 0, cut_segments(cache, entry.slot, layer, h)});
    }
  }
  std::vector<AttentionProblem> problems;
  for (Head& h : heads) {
    h.first_block = problems.size();
    for (int row = 0; row < h.entry->rows;) {
      // Blocks end at multiples of kBlockRows of the sequence, so sums do not depend on how a prompt is cut.
      const int rows = std::min(kBlockRows - (h.entry->position + row) % kBlockRows, h.entry->rows - row);
      problems.push_back({&cache, h.entry, &h.segments, layer, h.head, row, rows, q, out});
      row += rows;
    }
    h.blocks = problems.size() - h.first_block;
  }
  std::vector<Observation> seen(problems.size());
  blocks_.resize(pool_.size());
  pool_.run(int(problems.size()), [&](int task, int thread) {
    AttentionBlock& block = blocks_[thread];
    block.start(kernels_, problems[task]);
    for (int s = 0; s < block.segments(); ++s) block.run_segment(kernels_, s);
    block.finish(kernels_);
    const TimedPhase timed(phases_, Phase::kObservation, thread);
    block.observe(kernels_, seen[task]);
  });
  pool_.run(int(heads.size()), [&](int i, int thread) {
    const TimedPhase timed(phases_, Phase::kObservation, thread);
    const Head& h = heads[i];
    keep_statistics(kernels_, cache, *h.entry, layer, h.head, std::span(seen).subspan(h.first_block, h.blocks), q, out);
  });
}

// Entries of one row: a task is a whole head where there are many, else a share of its runs, so that a single sequence
// keeps every thread busy.
void CpuCacheOps::attend_rows(KvCache& cache, const Batch& batch, int layer, ConstMatrix q, Matrix out) {
  std::vector<std::pair<const BatchEntry*, int>> heads;
  for (const BatchEntry& entry : batch.entries) {
    for (int h = 0; h < cache.shape().kv_heads && entry.rows == 1; ++h) heads.emplace_back(&entry, h);
  }
  const int n = int(heads.size());
  if (n == 0) return;
  rows_.resize(std::max(rows_.size(), heads.size()));
  const int wanted_tasks = kTasksPerThread * pool_.size(), shares = (wanted_tasks + n - 1) / n;
  const auto plan = [&](int i) { rows_[i].plan(kernels_, cache, *heads[i].first, layer, heads[i].second, q); };
  const auto run = [&](int i, int share, int thread) {
    const int runs = rows_[i].runs();
    rows_[i].run(kernels_, runs * share / shares, runs * (share + 1) / shares, scratch_[thread]);
  };
  const auto finish = [&](int i, int thread) {
    rows_[i].finish(kernels_, out);
    const TimedPhase timed(phases_, Phase::kObservation, thread);
    const Observation& seen = rows_[i].observe(kernels_);
    keep_statistics(kernels_, cache, *heads[i].first, layer, heads[i].second, {&seen, 1}, q, out);
  };
  if (shares == 1) return pool_.run(n, [&](int i, int thread) { plan(i), run(i, 0, thread), finish(i, thread); });
  pool_.run(n, [&](int i, int) { plan(i); });
  pool_.run(n * shares, [&](int task, int thread) { run(task / shares, task % shares, thread); });
  pool_.run(n, [&](int i, int thread) { finish(i, thread); });
}

}  // namespace leankv
