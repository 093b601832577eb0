#include "backend/cpu/cache_ops.h"

#include <algorithm>

#include "backend/append.h"

namespace leankv {
CpuCacheOps::CpuCacheOps(ThreadPool& pool, Isa isa)
    : pool_(pool), kernels_(attention_kernels(isa)), scratch_(pool.size()) {}

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
  const int heads = cache.shape().kv_heads, columns = cache.shape().group * cache.shape().head_dim;
  std::vector<std::vector<Segment>> segments(batch.entries.size() * heads);
  std::vector<AttentionProblem> prompts, single;
  std::vector<int> first_prompt(segments.size()), first_single(segments.size());
  for (std::size_t i = 0; i < segments.size(); ++i) {
    const BatchEntry& entry = batch.entries[i / heads];
    const int head = int(i) % heads;
    segments[i] = cut_segments(cache, entry.slot, layer, head);
    first_prompt[i] = int(prompts.size()), first_single[i] = int(single.size());
    for (int row = 0; row < entry.rows;) {
      // Blocks end at multiples of kBlockRows of the sequence, so sums do not depend on how a prompt is cut.
      const int rows = std::min(kBlockRows - (entry.position + row) % kBlockRows, entry.rows - row);
      (entry.rows == 1 ? single : prompts).push_back({&cache, &entry, &segments[i], layer, head, row, rows, q, out});
      row += rows;
    }
  }
  seen_.assign(prompts.size() + single.size(), {});
  attend_prompt_blocks(prompts);
  attend_single_rows(single);
  pool_.run(int(segments.size()), [&](int i, int) {
    const BatchEntry& entry = batch.entries[i / heads];
    const int head = i % heads;
    const bool one = entry.rows == 1;
    const std::size_t first = one ? prompts.size() + first_single[i] : first_prompt[i];
    const int blocks = (entry.position + entry.rows - 1) / kBlockRows - entry.position / kBlockRows + 1;
    record(cache, entry, layer, head, std::span(seen_).subspan(first, std::size_t(blocks)));
    gather_outputs(cache, entry, layer, head, columns_of(q, entry, head * columns, columns),
                   columns_of(out, entry, head * columns, columns));
  });
}

// Many rows: a task is a block with all its segments.
void CpuCacheOps::attend_prompt_blocks(std::span<const AttentionProblem> problems) {
  blocks_.resize(std::max(blocks_.size(), std::size_t(pool_.size())));
  pool_.run(int(problems.size()), [&](int task, int thread) {
    AttentionBlock& block = blocks_[thread];
    block.start(problems[task]);
    for (int s = 0; s < block.segments(); ++s) block.run_segment(kernels_, s, scratch_[thread]);
    block.finish(kernels_, seen_[task]);
  });
}

// One row each: a task is one segment, so that a single sequence keeps every thread busy.
void CpuCacheOps::attend_single_rows(std::span<const AttentionProblem> problems) {
  const std::size_t first_seen = seen_.size() - problems.size();
  blocks_.resize(std::max(blocks_.size(), problems.size()));
  std::vector<std::pair<int, int>> tasks;
  for (int b = 0; b < int(problems.size()); ++b) {
    blocks_[b].start(problems[b]);
    for (int s = 0; s < blocks_[b].segments(); ++s) tasks.emplace_back(b, s);
  }
  pool_.run(int(tasks.size()), [&](int task, int thread) {
    blocks_[tasks[task].first].run_segment(kernels_, tasks[task].second, scratch_[thread]);
  });
  pool_.run(int(problems.size()), [&](int b, int) { blocks_[b].finish(kernels_, seen_[first_seen + b]); });
}

}  // namespace leankv
