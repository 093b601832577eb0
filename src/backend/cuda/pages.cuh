// Pages change hands: taken for new tokens, given back, copied, counted.
#pragma once

#include "backend/cuda/cache_tables.h"
#include "backend/cuda/simt.h"
#include "backend/cuda/step_entry.h"

namespace leankv {

struct NoShared {};

// New fresh tokens of every entry: each head takes its pages from its own slice of the ring. Grid: y entries.
struct ExtendKernel {
  static constexpr int kThreads = 128;
  using Shared = NoShared;
  struct Params {
    CacheTables tables;
    const StepEntry* entries;
    uint64_t first_free;  // in the ring
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const StepEntry& entry = p.entries[block.index_y()];
    const int head = block.index() * kThreads + block.thread();
    if (head >= p.tables.heads()) return;
    HeadState& state = p.tables.head(entry.slot, head);
    PageId* row = p.tables.row(entry.slot, head) + state.pages;
    const uint64_t first = p.first_free + entry.first_page + uint64_t(head) * entry.pages_per_head;
    for (uint32_t i = 0; i < entry.pages_per_head; ++i) row[i] = p.tables.free_page(first + i);
    state.pages += entry.pages_per_head;
    state.tokens[kFreshList] += uint32_t(entry.rows);
  }
};

// A new sequence holds nothing. Grid: heads.
struct ClearSlotKernel {
  static constexpr int kThreads = 128;
  using Shared = NoShared;
  struct Params {
    CacheTables tables;
    int slot;
    SlotState state;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    if (block.index() == 0 && block.thread() == 0) p.tables.slots[p.slot] = p.state;
    const int head = block.index() * kThreads + block.thread();
    if (head >= p.tables.heads()) return;
    p.tables.head(p.slot, head) = HeadState{};
    uint16_t* mean = p.tables.mean(p.slot, head);
    for (int c = 0; c < p.tables.head_dim; ++c) mean[c] = 0;
  }
};

// What every head of a slot holds: the demand that a prefix sum turns into slices. Grid: heads.
struct CountPagesKernel {
  static constexpr int kThreads = 128;
  using Shared = NoShared;
  struct Params {
    CacheTables tables;
    int slot;
    uint32_t* pages;  // [heads]
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int head = block.index() * kThreads + block.thread();
    if (head < p.tables.heads()) p.pages[head] = p.tables.head(p.slot, head).pages;
  }
};

// Gives all pages of a slot back. Grid: one block per head.
struct ReleaseKernel {
  static constexpr int kThreads = 128;
  using Shared = NoShared;
  struct Params {
    CacheTables tables;
    int slot;
    uint64_t first_put;     // in the ring
    const uint32_t* first;  // [heads] slices
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int head = block.index();
    const PageId* row = p.tables.row(p.slot, head);
    const uint64_t first = p.first_put + p.first[head];
    for (uint32_t i = uint32_t(block.thread()); i < p.tables.head(p.slot, head).pages; i += kThreads) {
      p.tables.ring[(first + i) % p.tables.capacity] = row[i];
    }
  }
};

// A slot's pages and all that is known of it, for another sequence. Grid: one block per head.
struct CopySlotKernel {
  static constexpr int kThreads = 256;
  using Shared = NoShared;
  struct Params {
    CacheTables tables;
    int from, to;
    uint64_t first_free;    // in the ring
    const uint32_t* first;  // [heads] slices
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const CacheTables& tables = p.tables;
    const int head = block.index(), warps = kThreads / kWarp;
    const HeadState& state = tables.head(p.from, head);
    const uint64_t first = p.first_free + p.first[head];
    for (uint32_t i = uint32_t(block.warp()); i < state.pages; i += uint32_t(warps)) {
      const PageId own = tables.free_page(first + i);
      const auto* source = reinterpret_cast<const uint64_t*>(tables.page(tables.row(p.from, head)[i]));
      auto* target = reinterpret_cast<uint64_t*>(tables.page(own));
      for (int w = block.lane(); w < tables.page_bytes / 8; w += kWarp) target[w] = source[w];
      if (block.lane() == 0) tables.row(p.to, head)[i] = own;
    }
    for (int c = block.thread(); c < tables.head_dim; c += kThreads) {
      tables.mean(p.to, head)[c] = tables.mean(p.from, head)[c];
    }
    if (block.thread() != 0) return;
    tables.head(p.to, head) = state;
    if (head == 0) tables.slots[p.to] = tables.slots[p.from];
  }
};

// ---- integrity: the ring and the rows of all slots partition the pool ----

struct IntegrityCounts {
  uint32_t out_of_range, bad_counts, not_once;
};

// Counts how often each page is held. Grid: x over [0, slots * heads + 1), the last block takes the ring.
struct MarkPagesKernel {
  static constexpr int kThreads = 128;
  using Shared = NoShared;
  struct Params {
    CacheTables tables;
    int slots;
    uint64_t first_free;  // in the ring
    uint32_t free;
    uint32_t* seen;  // [capacity] zeros
    IntegrityCounts* faults;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const CacheTables& tables = p.tables;
    const int heads = tables.heads(), slot = block.index() / heads, head = block.index() % heads;
    if (slot == p.slots) {
      for (uint32_t i = uint32_t(block.thread()); i < p.free; i += kThreads) {
        mark(block, p, tables.free_page(p.first_free + i));
      }
      return;
    }
    const HeadState& state = tables.head(slot, head);
    for (uint32_t i = uint32_t(block.thread()); i < state.pages; i += kThreads) {
      mark(block, p, tables.row(slot, head)[i]);
    }
    uint32_t expected = 0;
    bool fits = state.pages <= uint32_t(tables.row_pages);
    for (int list = 0; list < kMaxLists; ++list) {
      if (state.tokens[list] == 0) continue;
      fits = fits && list < tables.slots[slot].lists;
      if (fits) expected += pages_for(state.tokens[list], tables.list_layout(slot, list).tokens);
    }
    fits = fits && state.pages == expected;
    if (block.thread() == 0 && !fits) block.add_atomically(&p.faults->bad_counts, 1u);
  }
  template <class Block>
  LEANKV_HD static void mark(Block& block, const Params& p, PageId page) {
    if (page < p.tables.capacity) {
      block.add_atomically(&p.seen[page], 1u);
    } else {
      block.add_atomically(&p.faults->out_of_range, 1u);
    }
  }
};

// Every page exactly once. Grid: pages.
struct CheckPagesKernel {
  static constexpr int kThreads = 256;
  using Shared = NoShared;
  struct Params {
    uint32_t capacity;
    const uint32_t* seen;
    IntegrityCounts* faults;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const uint32_t page = uint32_t(block.index()) * kThreads + uint32_t(block.thread());
    if (page < p.capacity && p.seen[page] != 1) block.add_atomically(&p.faults->not_once, 1u);
  }
};

}  // namespace leankv
