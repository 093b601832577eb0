// Where the cache of a device keeps what: plain structs that host and kernels share.
//
// The pages of one (slot, layer, KV head) are one row of page ids, list by list: those of list 1, of list 2, ..., the
// fresh ones last. Numbers of tokens say where each list ends, so neither references nor fill counts are stored.
#pragma once

#include <cstddef>
#include <cstdint>

#include "base/host_device.h"
#include "kv/page_layout.h"
#include "kv/page_ref.h"

namespace leankv {

// One bit plane of a tile's codes (kv/packing.h) with its divisors as shifts.
struct PlaneLayout {
  int offset;      // bytes from the start of the tile
  int bytes;       // of the plane
  int bits;        // of a code that it holds
  int done;        // bits of a code below them
  int width_log2;  // bytes of a lane
  int lane_log2;   // values of a lane
};

// The key or the value side of a tier's pages.
struct SideLayout {
  CodecId codec;
  bool is_key;
  int bits;
  int tile;  // tokens
  int head_dim;
  int codes;        // byte offset of the first tile
  int tile_bytes;   // of codes
  int scales;       // byte offset
  int scale_bytes;  // of one row
  int group;        // channels that share a scale
  int planes;       // 0: codes of 16 bits
  PlaneLayout plane[2];
};

struct TierLayout {
  TierId id = TierId::kCount;
  SideLayout key, value;
  int tokens = 0;        // of a page; 0 where the pool does not hold this tier
  int significance = 0;  // byte offset
};

TierLayout make_tier_layout(const PageLayout& layout);

// One (slot, layer, KV head).
struct HeadState {
  uint32_t tokens[kMaxLists];
  uint32_t pages;  // of all lists
};

// What is fixed for the life of a sequence, and the tier of its fresh list.
struct SlotState {
  TierId list_tier[kMaxLists];
  int lists;
  bool rotate, centre, paper;
  int pin;
};

// A view of everything; passed to kernels by value.
struct CacheTables {
  int layers, kv_heads, group, head_dim;
  int page_bytes;
  int row_pages;            // page ids that a head's row has room for
  uint32_t capacity;        // pages of the pool
  std::byte* pool;          // [capacity, page_bytes]
  PageId* ring;             // [capacity] the free pages, from a first one on, which the host knows
  PageId* rows;             // [slots, heads, row_pages]
  HeadState* head_states;   // [slots, heads]
  SlotState* slots;         // [slots]
  uint16_t* key_mean;       // [slots, heads, head_dim] IEEE half; zeros where keys are not centred
  const TierLayout* tiers;  // [kCount]

  LEANKV_HD int heads() const { return layers * kv_heads; }
  LEANKV_HD std::byte* page(PageId id) const { return pool + std::size_t(id) * std::size_t(page_bytes); }
  LEANKV_HD std::size_t head_index(int slot, int head) const { return std::size_t(slot) * heads() + head; }
  LEANKV_HD HeadState& head(int slot, int index) const { return head_states[head_index(slot, index)]; }
  LEANKV_HD PageId* row(int slot, int index) const { return rows + head_index(slot, index) * row_pages; }
  LEANKV_HD uint16_t* mean(int slot, int index) const { return key_mean + head_index(slot, index) * head_dim; }
  LEANKV_HD const TierLayout& list_layout(int slot, int list) const { return tiers[int(slots[slot].list_tier[list])]; }
  LEANKV_HD PageId free_page(uint64_t i) const { return ring[i % capacity]; }  // i: from the start of the storage on
};

LEANKV_HD constexpr uint32_t pages_for(uint32_t tokens, int tokens_per_page) {
  return (tokens + uint32_t(tokens_per_page) - 1) / uint32_t(tokens_per_page);
}

// The lists of one head in the order of its row.
LEANKV_HD constexpr int next_list(int list, int lists) { return list + 1 < lists ? list + 1 : kFreshList; }

// Where the pages of each list begin in a head's row.
struct RowMap {
  uint32_t first_page[kMaxLists];
  uint32_t first_number[kMaxLists];  // of the list's first token (HeadTable::judged_tokens)

  LEANKV_HD RowMap(const CacheTables& tables, int slot, int index) {
    const HeadState& head = tables.head(slot, index);
    const int lists = tables.slots[slot].lists;
    uint32_t page = 0, number = 0;
    for (int i = 1; i <= lists; ++i) {
      const int list = i < lists ? i : kFreshList;
      first_page[list] = page, first_number[list] = number;
      page += pages_for(head.tokens[list], tables.list_layout(slot, list).tokens);
      number += head.tokens[list];
    }
  }
};

}  // namespace leankv
