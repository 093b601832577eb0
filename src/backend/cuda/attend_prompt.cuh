// Attention of a prompt's queries: 64 of them share each tile of 32 tokens, which the block decodes into shared memory
// once; each warp computes eight queries from there.
#pragma once

#include "backend/cuda/attend.cuh"

namespace leankv {

inline constexpr int kPromptTile = 32;  // tokens

template <int kMost>
struct PromptTile {
  static constexpr int kPad = 8;                          // halves: rows on different banks
  static constexpr int kGroups = (16 * kMost + 31) / 32;  // of channels with scales of their own, at most
  alignas(16) uint16_t keys[kPromptTile][16 * kMost + kPad];
  alignas(16) uint16_t values[16 * kMost][kPromptTile + kPad];  // transposed
  float key_scale[kPromptTile][kGroups], value_scale[kPromptTile][kGroups];
  float key_shift[kPromptTile], value_shift[kPromptTile];
};

// Sixteen tokens of a tile: a source for attend_core.cuh.
template <int kMost, bool kBlockedScales>
class TileStep {
 public:
  static constexpr bool kBlocked = kBlockedScales;
  // base: the tile's first token in its list; last: the first that does not exist.
  LEANKV_INLINE TileStep(const PromptTile<kMost>& tile, int lane, int half, int base, int last, bool fresh)
      : tile_(tile), lane_(lane), half_(half), base_(base), last_(last), fresh_(fresh) {}

  LEANKV_INLINE bool is_fresh() const { return fresh_; }
  LEANKV_INLINE int row(int i) const { return 16 * half_ + lane_ / 4 + 8 * i; }
  LEANKV_INLINE int token(int i) const { return base_ + row(i) < last_ ? base_ + row(i) : -1; }
  LEANKV_INLINE ScaleShift key_scale(int i, int group) const {
    return {tile_.key_scale[row(i)][group], tile_.key_shift[row(i)]};
  }
  LEANKV_INLINE ScaleShift value_scale(int i, int group) const {
    return {tile_.value_scale[row(i)][group], tile_.value_shift[row(i)]};
  }
  template <class Block>
  LEANKV_INLINE void key(Block& block, int k, uint32_t (&a)[4]) const {
    block.load_matrices(a, &tile_.keys[16 * half_ + lane_ % 16][16 * k + lane_ / 16 * 8], false);
  }
  template <class Block>
  LEANKV_INLINE void value(Block& block, int k, uint32_t (&a)[4]) const {
    block.load_matrices(a, &tile_.values[16 * k + lane_ % 16][16 * half_ + lane_ / 16 * 8], false);
  }

 private:
  const PromptTile<kMost>& tile_;
  int lane_, half_, base_, last_;
  bool fresh_;
};

template <int kMost, bool kWide>
struct AttendPromptKernel {
  static constexpr int kThreads = 256, kWarps = kThreads / kWarp;
  static_assert(kWarps * kQueriesPerWarp == kPromptQueries);
  using Params = AttendParams;
  using Shared = PromptTile<kMost>;

  template <class Block>
  LEANKV_INLINE static void run(Block& block, const Params& p) {
    const uint32_t items = WorkItem::count(p.plan, p.tables, p.layer);
    for (uint32_t i = uint32_t(block.index()); i < items; i += uint32_t(block.count())) {
      attend(block, p, WorkItem(p.plan, p.tables, p.layer, i));
    }
  }

  template <class Block>
  LEANKV_INLINE static void attend(Block& block, const Params& p, const WorkItem& item) {
    const int slot = p.entries[p.plan.problems[item.problem].entry].slot;
    const int head = p.layer * p.tables.kv_heads + item.kv_head;
    const uint32_t pages = p.tables.head(slot, head).pages;
    const uint32_t begin = pages * uint32_t(item.split) / uint32_t(item.splits);
    const uint32_t end = pages * uint32_t(item.split + 1) / uint32_t(item.splits);
    const QueryColumns from = columns_of(p, item, kPromptQueries);
    WarpQueries<kMost> q;
    load_queries<kMost, false>(block, from, kQueriesPerWarp * block.warp(), q);
    // Of the fresh tokens that any of the block's queries sees.
    const int visible = from.visible + (from.first + from.count - 1) / from.group;
    WarpColumns columns;
    WarpOutput<kMost> out;
    const RowMap map(p.tables, slot, head);
    for (int list = 0; list < p.tables.slots[slot].lists; ++list) {
      PageRun run = run_of(p.tables, slot, head, map, list, begin, end);
      if (list == kFreshList && visible < run.last_token) run.last_token = visible;
      if (run.first_token >= run.last_token) continue;
      visit_device_tier(run.tier->id,
                        [&](auto tier) LEANKV_INLINE_LAMBDA { attend_run<tier()>(block, p, run, q, columns, out); });
    }
    store(block, p, item, columns, out);
  }

  template <TierId kTier, class Block>
  LEANKV_INLINE static void attend_run(Block& block, const Params& p, const PageRun& run, const WarpQueries<kMost>& q,
                                       WarpColumns& columns, WarpOutput<kMost>& out) {
    constexpr bool kBlocked = is_block(tier(kTier).key) || is_block(tier(kTier).value);
    auto& tile = block.template shared<Shared>();
    for (int base = run.first_token; base < run.last_token; base += kPromptTile) {
      block.sync();  // the tile before is done with
      decode<kTier>(block, run, base, tile);
      block.sync();
      for (int half = 0; half < 2 && base + 16 * half < run.last_token; ++half) {
        TileStep<kMost, kBlocked> step(tile, block.lane(), half, base, run.last_token, run.list == kFreshList);
        attend_step(block, q, columns, out, p.tables.head_dim / 16, step);
      }
    }
  }

  // Tokens [base, base + 32) of a run as integers in halves; zeros behind the last.
  template <TierId kTier, class Block>
  LEANKV_INLINE static void decode(Block& block, const PageRun& run, int base, Shared& tile) {
    constexpr CodecId kKey = tier(kTier).key, kValue = tier(kTier).value;
    const SideLayout &key = run.tier->key, &value = run.tier->value;
    const int d = key.head_dim, quads = d / 4;
    for (int i = block.thread(); i < kPromptTile * quads; i += kThreads) {
      // Neighbouring threads take neighbouring tokens of a tile: their words lie side by side.
      const int token = base + i % kPromptTile, quad = i / kPromptTile, in_page = token % run.tier->tokens;
      Quad x = {0, 0};
      if (token < run.last_token) {
        const std::byte* codes = tile_of(key, page_of(run, token), in_page);
        x = load_quad<kKey, kWide>(block, key, codes, quad * key.tile + in_page % key.tile);
      }
      auto* to = reinterpret_cast<uint32_t*>(&tile.keys[i % kPromptTile][4 * quad]);
      to[0] = x.low, to[1] = x.high;
    }
    for (int i = block.thread(); i < kPromptTile / 4 * d; i += kThreads) {
      const int token = base + i / d * 4, channel = i % d, in_page = token % run.tier->tokens;
      Quad x = {0, 0};
      if (token < run.last_token) {
        const std::byte* codes = tile_of(value, page_of(run, token), in_page);
        x = load_quad<kValue, kWide>(block, value, codes, in_page % value.tile / 4 * d + channel);
      }
      const int exist = run.last_token - token;
      if (exist < 4) x.high &= exist > 2 ? 0xffffu : 0u;
      if (exist < 2) x.low &= 0xffffu;
      auto* to = reinterpret_cast<uint32_t*>(&tile.values[channel][i / d * 4]);
      to[0] = x.low, to[1] = x.high;
    }
    scales<kKey, kValue>(block, run, base, tile);
  }
  LEANKV_INLINE static std::byte* page_of(const PageRun& run, int token) {
    return run.tables->page(run.pages[token / run.tier->tokens]);
  }

  template <CodecId kKey, CodecId kValue, class Block>
  LEANKV_INLINE static void scales(Block& block, const PageRun& run, int base, Shared& tile) {
    constexpr int kGroups = Shared::kGroups;
    const int groups = is_block(kKey) || is_block(kValue) ? (run.tier->key.head_dim + 31) / 32 : 1;
    for (int i = block.thread(); i < kPromptTile * kGroups; i += kThreads) {
      const int row = i / kGroups, group = i % kGroups, token = base + row;
      if (group >= groups) continue;
      ScaleShift key, value;
      if (token < run.last_token) {
        const int in_page = token % run.tier->tokens;
        key = scale_shift<kKey>(run.tier->key, page_of(run, token), in_page, group);
        value = scale_shift<kValue>(run.tier->value, page_of(run, token), in_page, group);
      }
      tile.key_scale[row][group] = key.scale, tile.value_scale[row][group] = value.scale;
      if (group == 0) tile.key_shift[row] = key.shift, tile.value_shift[row] = value.shift;
    }
  }

  template <class Block>
  LEANKV_INLINE static void store(Block& block, const Params& p, const WorkItem& item, WarpColumns& columns,
                                  WarpOutput<kMost>& out) {
    const int d = p.tables.head_dim, first = block.lane() % 4 * 2, row = block.lane() / 4;
    const std::size_t at =
        std::size_t(item.item) * kPromptQueries + std::size_t(kQueriesPerWarp * block.warp() + first);
    for (int i = 0; i < 2; ++i) {
      columns.sum[i] = column_sum(block, columns.sum[i]);
      columns.shift[i] = column_sum(block, columns.shift[i]);
      if (row == 0) p.plan.partials.max[at + i] = columns.max[i], p.plan.partials.sum[at + i] = columns.sum[i];
    }
    unroll<kMost>(d / 16, [&](auto k) LEANKV_INLINE_LAMBDA {
      for (int i = 0; i < 4; ++i) {
        p.plan.partials.out[(at + i % 2) * d + 16 * k + row + i / 2 * 8] =
            out.x[k][i] * (1 / kWeightScale) + columns.shift[i % 2];
      }
    });
  }
};

}  // namespace leankv
