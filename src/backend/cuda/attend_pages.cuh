// Sixteen tokens straight from their pages: a source for attend_core.cuh, decoded in registers.
#pragma once

#include "backend/cuda/attend_core.cuh"

namespace leankv {

// Pages [first, last) of one list of one head.
struct PageRun {
  const CacheTables* tables;
  const TierLayout* tier;
  const PageId* pages;  // of the list
  int list;
  int first_token, last_token;  // in the list
};

// The part of pages [begin, end) of a head's row that belongs to a list.
LEANKV_INLINE PageRun run_of(const CacheTables& tables, int slot, int head, const RowMap& map, int list, uint32_t begin,
                             uint32_t end) {
  const TierLayout& tier = tables.list_layout(slot, list);
  const uint32_t tokens = tables.head(slot, head).tokens[list], first = map.first_page[list];
  const uint32_t pages = pages_for(tokens, tier.tokens);
  const uint32_t from = begin > first ? begin - first : 0, to = end > first ? end - first : 0;
  const uint32_t last = (to < pages ? to : pages) * uint32_t(tier.tokens);
  return {&tables,
          &tier,
          tables.row(slot, head) + first,
          list,
          int(from * uint32_t(tier.tokens)),
          int(last < tokens ? last : tokens)};
}

// Tokens [base, base + 16) of a run. A row of the first product is token 4 (row / 2) + row % 2, eight rows further the
// second next, so that lane c holds weights of tokens 4c to 4c + 3, which are one quad of the values.
template <TierId kTier, bool kWide>
class PageStep {
  static constexpr CodecId key_id = tier(kTier).key, value_id = tier(kTier).value;

 public:
  static constexpr bool kBlocked = is_block(key_id) || is_block(value_id);

  template <class Block>
  LEANKV_INLINE PageStep(Block& block, const PageRun& run, int base) : run_(run), base_(base) {
    const int row = block.lane() / 4, c = block.lane() % 4, tile = run.tier->key.tile;
    c_ = c, channel_ = row;
    row_token_ = base + row / 2 * 4 + row % 2;
    const int safe = row_token_ < run.last_token ? row_token_ : base;
    page_ = page_of(safe);
    in_page_ = safe % run.tier->tokens;
    key_tile_ = page_ + run.tier->key.codes + in_page_ / tile * run.tier->key.tile_bytes;
    const int group = base + 4 * c < run.last_token ? base + 4 * c : base;
    const int at = group % run.tier->tokens;
    value_tile_ = page_of(group) + run.tier->value.codes + at / tile * run.tier->value.tile_bytes;
    value_quad_ = at % tile / 4 * run.tier->value.head_dim;
    values_ = run.last_token - group;
  }

  LEANKV_INLINE bool is_fresh() const { return run_.list == kFreshList; }
  LEANKV_INLINE int token(int row) const {
    const int token = row_token_ + 2 * row;
    return token < run_.last_token ? token : -1;
  }
  // A row behind the last token has the scale of another: its logit is dropped.
  LEANKV_INLINE ScaleShift key_scale(int row, int group) const {
    return scale_shift<key_id>(run_.tier->key, page_, in_page_ + (token(row) >= 0 ? 2 * row : 0), group);
  }
  LEANKV_INLINE ScaleShift value_scale(int row, int group) const {
    return scale_shift<value_id>(run_.tier->value, page_, in_page_ + (token(row) >= 0 ? 2 * row : 0), group);
  }
  template <class Block>
  LEANKV_INLINE void key(Block& block, int k, uint32_t (&a)[4]) const {
    const int tile = run_.tier->key.tile, quad = (4 * k + c_) * tile + in_page_ % tile;
    const Quad upper = load_quad<key_id, kWide>(block, run_.tier->key, key_tile_, quad);
    const Quad lower = load_quad<key_id, kWide>(block, run_.tier->key, key_tile_, quad + (token(1) >= 0 ? 2 : 0));
    a[0] = upper.low, a[1] = lower.low, a[2] = upper.high, a[3] = lower.high;
  }
  template <class Block>
  LEANKV_INLINE void value(Block& block, int k, uint32_t (&a)[4]) const {
    const int quad = value_quad_ + 16 * k + channel_;
    const Quad upper = value_at(block, quad), lower = value_at(block, quad + 8);
    a[0] = upper.low, a[1] = lower.low, a[2] = upper.high, a[3] = lower.high;
  }

 private:
  LEANKV_INLINE std::byte* page_of(int token) const { return run_.tables->page(run_.pages[token / run_.tier->tokens]); }
  // Halves that were never written may be NaN, which no weight of 0 makes harmless.
  template <class Block>
  LEANKV_INLINE Quad value_at(Block& block, int quad) const {
    Quad x = load_quad<value_id, kWide>(block, run_.tier->value, value_tile_, quad);
    if (value_id == CodecId::kHalf && values_ < 4) {
      if (values_ < 2) x.low &= 0xffffu;
      x.high &= values_ > 2 ? 0xffffu : 0u;
    }
    return x;
  }

  const PageRun& run_;
  int base_;
  int c_, channel_;
  int row_token_, in_page_;
  std::byte *page_, *key_tile_, *value_tile_;
  int value_quad_;
  int values_;  // tokens that exist from this lane's first value on
};

// Calls f with the tier as a type: the one place in these kernels.
template <int kFirst = 0, class F>
LEANKV_INLINE void visit_device_tier(TierId id, F&& f) {
  if constexpr (kFirst < int(TierId::kCount)) {
    if (int(id) == kFirst) return f(std::integral_constant<TierId, TierId(kFirst)>{});
    visit_device_tier<kFirst + 1>(id, f);
  }
}

}  // namespace leankv
