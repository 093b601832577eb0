// Stores the new rows of a step as the last fresh tokens: mean key, transform, encode, write (backend/append.cc).
#pragma once

#include "backend/cuda/gather.cuh"
#include "backend/cuda/row_codec.cuh"
#include "kv/significance.h"

namespace leankv {

// The mean key over tokens kFirstLeftOut.. of a first chunk. Grid: x KV heads, y entries; a thread per channel.
struct MeanKeyKernel {
  static constexpr int kThreads = kMaxHeadDim;
  static constexpr int kFirstLeftOut = 4, kTokens = 512;  // kSkipFirst and kMeanKeyTokens of backend/sequence_state.h
  struct Shared {};
  struct Params {
    CacheTables tables;
    const StepEntry* entries;
    int layer;
    RowsView k;  // [rows, kv_heads * head_dim]
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const StepEntry& entry = p.entries[block.index_y()];
    const int c = block.thread(), d = p.tables.head_dim;
    if (entry.position != 0 || !p.tables.slots[entry.slot].centre || c >= d) return;
    const int last = entry.rows < kFirstLeftOut + kTokens ? entry.rows : kFirstLeftOut + kTokens;
    double sum = 0;
    for (int r = kFirstLeftOut; r < last; ++r) sum += p.k.row(entry.first_row + r)[block.index() * d + c];
    const int head = p.layer * p.tables.kv_heads + block.index();
    const double mean = last > kFirstLeftOut ? sum / (last - kFirstLeftOut) : 0.0;
    p.tables.mean(entry.slot, head)[c] = float_to_half(float(mean));
  }
};

// A warp per tile of a page and side, two rows at a time. Grid: x tiles, y entries.
template <int kMost>
struct AppendKernel {
  static constexpr int kThreads = 128, kWarps = kThreads / kWarp;
  struct Params {
    CacheTables tables;
    const StepEntry* entries;
    int layer;
    int tiles;      // that an entry of the step may touch in one head
    RowsView k, v;  // [rows, kv_heads * head_dim]
  };
  struct Shared {
    CodeRow rows[kWarps][2];
  };
  static Grid grid(const CacheTables& tables, int entries, int tiles) {
    return {(tables.kv_heads * tiles * 2 + kWarps - 1) / kWarps, entries};
  }

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const StepEntry& entry = p.entries[block.index_y()];
    const int job = block.index() * kWarps + block.warp(), side = job % 2, kv_head = job / 2 / p.tiles;
    if (kv_head >= p.tables.kv_heads) return;
    const int head = p.layer * p.tables.kv_heads + kv_head;
    const TierLayout& tier = p.tables.list_layout(entry.slot, kFreshList);
    const int last = int(p.tables.head(entry.slot, head).tokens[kFreshList]), first = last - entry.rows;
    const int tile = (first / tier.key.tile + job / 2 % p.tiles) * tier.key.tile;
    if (tile >= last) return;
    const RowMap map(p.tables, entry.slot, head);
    const PageId id = p.tables.row(entry.slot, head)[map.first_page[kFreshList] + uint32_t(tile / tier.tokens)];
    for (int pair = tile; pair < tile + tier.key.tile; pair += 2) {
      const int token = pair + block.lane() / kHalfWarp;
      store(block, p, entry, kv_head, side == 0, tier, p.tables.page(id), token, token - first,
            token >= first && token < last);
    }
  }

  // row: of the entry.
  template <class Block>
  LEANKV_HD static void store(Block& block, const Params& p, const StepEntry& entry, int kv_head, bool is_key,
                              const TierLayout& tier, std::byte* page, int token, int row, bool exists) {
    const SlotState& slot = p.tables.slots[entry.slot];
    const SideLayout& side = is_key ? tier.key : tier.value;
    const int d = side.head_dim, lane = half_lane(block);
    const int at = token % tier.tokens;
    CodeRow& codes = block.template shared<Shared>().rows[block.warp()][block.lane() / kHalfWarp];
    const float* from = (is_key ? p.k : p.v).row(entry.first_row + (exists ? row : 0)) + kv_head * d;
    const uint16_t* mean = p.tables.mean(entry.slot, p.layer * p.tables.kv_heads + kv_head);
    LaneRow<kMost> x;
    for (int i = 0; i < kMost; ++i) {
      const int c = 16 * i + lane;
      x.x[i] = exists && c < d ? from[c] : 0.0f;
      if (is_key && slot.centre && exists && c < d) x.x[i] -= half_to_float(mean[c]);
    }
    if (slot.rotate) hadamard(block, x, d);
    encode_row(block, side.codec, x, d / kHalfWarp, codes);
    block.sync_warp();
    if (exists) write_row(side, page, at, codes, lane);
    if (exists && is_key && lane == 0) {
      significance_at(tier, page, at) = make_significance(0, entry.position + row < slot.pin ? kPinned : 0);
    }
    block.sync_warp();
  }
};

}  // namespace leankv
