// Honest bytes: what a sequence really holds, page by page, and what the same tokens would take at 16 bits.
#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "backend/kv_cache.h"

namespace leankv {

struct TierUsage {
  int64_t tokens = 0;  // token-heads: one token of one (layer, KV head)
  int64_t pages = 0;
};

// Page-true: half-filled pages, padding and every table count.
struct CacheUsage {
  int tokens = 0;           // of the sequence
  int64_t bytes_16bit = 0;  // tokens * layers * kv_heads * head_dim * 4
  int64_t page_bytes = 0;   // pages held * page size
  int64_t table_bytes = 0;  // page references, counts, mean keys, curves, constants
  int64_t code_bytes = 0;   // codes alone: what "nominal" ratios count
  int64_t pruned = 0;       // token-heads that are gone
  std::array<TierUsage, std::size_t(TierId::kCount)> tiers{};
  std::vector<int64_t> head_bytes;  // [layers * kv_heads] pages held * page size

  int64_t bytes() const { return page_bytes + table_bytes; }
  double ratio() const { return bytes() == 0 ? 0 : double(bytes_16bit) / double(bytes()); }
  double nominal_ratio() const { return code_bytes == 0 ? 0 : double(bytes_16bit) / double(code_bytes); }
};

CacheUsage usage_of(const KvCache& cache, SlotId slot);
// The part of it that does not depend on the number of tokens: everything in the tables but page references.
int64_t fixed_table_bytes(const SequenceState& sequence);

}  // namespace leankv
