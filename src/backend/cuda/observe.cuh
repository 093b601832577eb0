// What queries saw: a second pass over the keys with the sums that the first one found, so that no probability is ever
// stored. Into the sums of a prompt, or into the significance of tokens (backend/observation.cc).
#pragma once

#include "backend/cuda/attend.cuh"
#include "kv/significance_rules.h"

namespace leankv {

// The rows of an entry that observe: first, first + step, ...
struct ObservingRows {
  int first, step, count;

  LEANKV_INLINE explicit ObservingRows(const StepEntry& entry) : first(0), step(1), count(0) {
    if (entry.observing == Observing::kUpdate) {
      step = entry.sample_interval;
      first = (step - entry.position % step) % step;
    }
    if (entry.observing != Observing::kNot && first < entry.rows) count = (entry.rows - first + step - 1) / step;
  }
  // Those that see the fresh token with this index, `before` of which were there before the entry.
  LEANKV_INLINE int that_see(int fresh_index, int before) const {
    const int hidden = fresh_index - before - first;  // rows from here on see it
    const int skipped = hidden > 0 ? (hidden + step - 1) / step : 0;
    return skipped < count ? count - skipped : 0;
  }
};

struct ObserveParams {
  CacheTables tables;
  const StepEntry* entries;
  int layer;
  QueryHalves q;
  const float* log_sums;  // [rows, kv_heads * group]
};

// Grid: x KV heads * kSplits, y entries. A warp takes sixteen tokens against all observing queries.
template <int kMost, bool kWide>
struct ObserveKernel {
  static constexpr int kThreads = 128, kWarps = kThreads / kWarp;
  static constexpr int kSplits = 32;  // of a head's tokens
  struct Shared {};
  using Params = ObserveParams;

  // Sums of this lane's two tokens over the queries of each window.
  struct Seen {
    float sum[kWindows][2] = {};
  };

  template <class Block>
  LEANKV_INLINE static void run(Block& block, const Params& p) {
    const StepEntry& entry = p.entries[block.index_y()];
    const ObservingRows rows(entry);
    if (rows.count == 0) return;
    const int kv_head = block.index() / kSplits, head = p.layer * p.tables.kv_heads + kv_head;
    const uint32_t pages = p.tables.head(entry.slot, head).pages;
    const RowMap map(p.tables, entry.slot, head);
    const int fresh = int(p.tables.head(entry.slot, head).tokens[kFreshList]);
    const QueryColumns from{p.q,
                            entry.first_row + rows.first,
                            0,
                            rows.count * p.tables.group,
                            p.tables.group,
                            p.tables.kv_heads,
                            kv_head,
                            p.tables.head_dim,
                            fresh - entry.rows + 1 + rows.first,
                            rows.step};
    const int first_step = block.index() % kSplits * kWarps + block.warp();
    for (int list = 0; list < p.tables.slots[entry.slot].lists; ++list) {
      const PageRun run = run_of(p.tables, entry.slot, head, map, list, 0, pages);
      visit_device_tier(run.tier->id, [&](auto tier) LEANKV_INLINE_LAMBDA {
        for (int base = 16 * first_step; base < run.last_token; base += 16 * kSplits * kWarps) {
          PageStep<tier(), kWide> step(block, run, base);
          const Seen seen = observe(block, p, entry, from, rows, step);
          record(block, p, entry, rows, head, map, run, step, seen);
        }
      });
    }
  }

  // Columns of one product: whole rows of queries where a group fits.
  LEANKV_INLINE static int columns_at_once(int group) {
    return group > kQueriesPerWarp ? kQueriesPerWarp : kQueriesPerWarp / group * group;
  }

  template <class Block, class Step>
  LEANKV_INLINE static Seen observe(Block& block, const Params& p, const StepEntry& entry, const QueryColumns& from,
                                    const ObservingRows& rows, Step& step) {
    uint32_t keys[kMost][4];
    unroll<kMost>(from.head_dim / 16, [&](auto k) LEANKV_INLINE_LAMBDA { step.key(block, k, keys[k]); });
    const bool paper = p.tables.slots[entry.slot].paper;
    const int at_once = columns_at_once(from.group);
    Seen seen;
    float largest[2] = {};  // of the row at hand, where a group takes several products
    QueryColumns tile = from;
    for (int first = 0; first < from.count; first += tile.count) {
      // The last product of a row whose group needs more than one is shorter.
      const int in_row = from.group > kQueriesPerWarp ? from.group - first % from.group : at_once;
      const int left = from.count - first, most = in_row < at_once ? in_row : at_once;
      tile.first = first, tile.count = left < most ? left : most;
      float prob[4];
      probabilities(block, p, tile, keys, step, prob);
      const int row = first / from.group;
      if (paper) {
        add_largest(block, entry, rows, tile, row, prob, largest, seen);
      } else {
        for (int i = 0; i < 4; ++i) {
          const int column = block.lane() % 4 * 2 + i % 2;
          add(entry, rows, (first + column) / from.group, i / 2, prob[i] * prob[i], seen);
        }
      }
    }
    if (!paper) {
      unroll<kWindows>(kWindows, [&](auto w) LEANKV_INLINE_LAMBDA {
        for (int r = 0; r < 2; ++r) seen.sum[w][r] = over_columns(block, seen.sum[w][r], Plus{});
      });
    }
    return seen;
  }
  template <class Block, class Op>
  LEANKV_INLINE static float over_columns(Block& block, float x, Op op) {
    x = op(x, block.shuffle(x, block.lane() ^ 1));
    return op(x, block.shuffle(x, block.lane() ^ 2));
  }
  // observer: among the observing rows.
  LEANKV_INLINE static void add(const StepEntry& entry, const ObservingRows& rows, int observer, int token, float x,
                                Seen& seen) {
    const int position = entry.position + rows.first + observer * rows.step;
    const int window = entry.observing == Observing::kGather ? entry.windows.of(position) : kDecodeWindow;
    // Every sum has a register of its own: no address is computed.
    unroll<kWindows>(kWindows, [&](auto w) LEANKV_INLINE_LAMBDA { seen.sum[w][token] += w == window ? x : 0.0f; });
  }

  // Of this lane's two tokens for columns 2c and 2c + 1; 0 for those that see nothing of a token or do not exist.
  template <class Block, class Step>
  LEANKV_INLINE static void probabilities(Block& block, const Params& p, const QueryColumns& tile,
                                          const uint32_t (&keys)[kMost][4], Step& step, float (&prob)[4]) {
    const int c = block.lane() % 4, mine = block.lane() / 4, n = tile.head_dim / 16;
    const std::size_t at = tile.number(tile.first + (mine < tile.count ? mine : 0)) * tile.head_dim;
    float sum[4] = {}, s[4] = {};
    const auto flush = [&](int group) LEANKV_INLINE_LAMBDA {
      for (int i = 0; i < 4; ++i) s[i] += sum[i] * step.key_scale(i / 2, group).scale, sum[i] = 0;
    };
    unroll<kMost>(n, [&](auto k) LEANKV_INLINE_LAMBDA {
      uint32_t query[2];
      load_query<true>(tile.q.high + at + 16 * k, c, query);
      block.mma(sum, keys[k], query);
      load_query<true>(tile.q.low + at + 16 * k, c, query);
      block.mma(sum, keys[k], query);
      if (Step::kBlocked && (k % 2 == 1 || k == n - 1)) flush(k / 2);
    });
    if (!Step::kBlocked) flush(0);
    for (int i = 0; i < 4; ++i) {
      const int column = 2 * c + i % 2, query = tile.first + (column < tile.count ? column : 0);
      const int token = step.token(i / 2);
      const bool sees = column < tile.count && token >= 0 && !(step.is_fresh() && token >= tile.limit(query));
      const std::size_t number = tile.number(query);
      const float logit = s[i] + step.key_scale(i / 2, 0).shift * tile.q.sums[number];
      prob[i] = sees ? block.exp2(logit - p.log_sums[number]) : 0.0f;
    }
  }

  // The paper's significance: per row the largest of the group's probabilities. row: the tile's first.
  template <class Block>
  LEANKV_INLINE static void add_largest(Block& block, const StepEntry& entry, const ObservingRows& rows,
                                        const QueryColumns& tile, int row, const float (&prob)[4], float (&largest)[2],
                                        Seen& seen) {
    const int group = tile.group, last = (tile.first + tile.count - 1) / group;
    for (int r = row; r <= last; ++r) {
      for (int token = 0; token < 2; ++token) {
        float most = 0;
        for (int i = 0; i < 2; ++i) {
          const int column = block.lane() % 4 * 2 + i;
          if ((tile.first + column) / group == r) most = Largest{}(most, prob[2 * token + i]);
        }
        largest[token] = Largest{}(largest[token], over_columns(block, most, Largest{}));
        if ((tile.first + tile.count) / group <= r) continue;  // the group goes on in the next product
        add(entry, rows, r, token, largest[token], seen);
        largest[token] = 0;
      }
    }
  }

  template <class Block, class Step>
  LEANKV_INLINE static void record(Block& block, const Params& p, const StepEntry& entry, const ObservingRows& rows,
                                   int head, const RowMap& map, const PageRun& run, const Step& step,
                                   const Seen& seen) {
    if (block.lane() % 4 != 0) return;
    for (int i = 0; i < 2; ++i) {
      const int token = step.token(i);
      if (token < 0) continue;
      const int number = int(map.first_number[run.list]) + token;
      if (entry.observing == Observing::kGather) {
        if (number >= entry.sums.capacity) continue;
        const std::size_t at = std::size_t(head) * std::size_t(entry.sums.capacity) + std::size_t(number);
        const std::size_t of_window = std::size_t(p.tables.heads()) * std::size_t(entry.sums.capacity);
        unroll<kWindows>(kWindows, [&](auto w) LEANKV_INLINE_LAMBDA {
          entry.sums.seen[std::size_t(w) * of_window + at] += seen.sum[w][i];
        });
        continue;
      }
      update(p, entry, rows, head, run, token, number, seen.sum[kDecodeWindow][i]);
    }
  }
  // The weight of what was seen in the running mean: judged_queries() and fresh_significance() of observation.cc.
  LEANKV_INLINE static void update(const Params& p, const StepEntry& entry, const ObservingRows& rows, int head,
                                   const PageRun& run, int token, int number, float sum) {
    const int fresh = int(p.tables.head(entry.slot, head).tokens[kFreshList]);
    const bool is_fresh = run.list == kFreshList;
    const int saw = is_fresh ? rows.that_see(token, fresh - entry.rows) : rows.count;
    if (saw == 0) return;
    std::byte* page = p.tables.page(run.pages[token / run.tier->tokens]);
    uint16_t& bits = significance_at(*run.tier, page, token % run.tier->tokens);
    const float stands_for = float(saw * entry.sample_interval);
    const int units = significance_units(bits) > 1 ? significance_units(bits) : 1;
    const float of_fresh = stands_for / float(fresh - token);
    const float weight =
        is_fresh ? (of_fresh < 1 ? of_fresh : 1.0f) : stands_for / (float(units * kQueryUnit) + stands_for);
    const uint32_t where = uint32_t(entry.position) * 0x9e3779b1u ^ uint32_t(head) * 0x85ebca77u;
    bits = significance_after(bits, sum / float(saw), weight, significance_dither(where, uint32_t(number)));
  }
};

}  // namespace leankv
