#include "kv/page_view.h"

#include <cstring>

#include "base/error.h"
#include "kv/packing.h"
#include "kv/quantise.h"

namespace leankv {
namespace {

// One side of a page: what write and read of keys and values have in common.
struct Side {
  CodecId codec;
  int codes;  // byte offset of the first tile
  int tile_bytes;
  int scales;       // byte offset
  int scale_bytes;  // of one row
};

Side key_side(const PageLayout& p) {
  return {tier(p.tier).key, p.key_codes, p.key_tile_bytes, p.key_scales, p.key_scale_bytes};
}

Side value_side(const PageLayout& p) {
  return {tier(p.tier).value, p.value_codes, p.value_tile_bytes, p.value_scales, p.value_scale_bytes};
}

// index(token in the tile, channel): place in the tile's order.
template <class Index>
void write_row(const PageLayout& p, const Side& side, std::byte* page, int token, const StoredRow& row, Index index) {
  LEANKV_CHECK(token >= 0 && token < p.tokens);
  const int tile = tile_tokens(p.tier);
  std::byte* codes = page + side.codes + token / tile * side.tile_bytes;
  for (int c = 0; c < p.head_dim; ++c) {
    set_code(codes, tile * p.head_dim, codec(side.codec).bits, index(token % tile, c), row.codes[c]);
  }
  std::memcpy(page + side.scales + token * side.scale_bytes, row.scales, std::size_t(side.scale_bytes));
}

template <class Index>
void read_row(const PageLayout& p, const Side& side, const std::byte* page, int token, StoredRow& row, Index index) {
  LEANKV_CHECK(token >= 0 && token < p.tokens);
  const int tile = tile_tokens(p.tier);
  const std::byte* codes = page + side.codes + token / tile * side.tile_bytes;
  for (int c = 0; c < p.head_dim; ++c) {
    row.codes[c] = get_code(codes, tile * p.head_dim, codec(side.codec).bits, index(token % tile, c));
  }
  std::memcpy(row.scales, page + side.scales + token * side.scale_bytes, std::size_t(side.scale_bytes));
}

}  // namespace

void PageView::write_key(int token, const StoredRow& row) {
  const int tile = tile_tokens(layout_->tier);
  write_row(*layout_, key_side(*layout_), page_, token, row, [=](int t, int c) { return key_index(tile, t, c); });
}

void PageView::write_value(int token, const StoredRow& row) {
  const int head_dim = layout_->head_dim;
  write_row(*layout_, value_side(*layout_), page_, token, row,
            [=](int t, int c) { return value_index(head_dim, t, c); });
}

void PageView::read_key(int token, StoredRow& row) const {
  const int tile = tile_tokens(layout_->tier);
  read_row(*layout_, key_side(*layout_), page_, token, row, [=](int t, int c) { return key_index(tile, t, c); });
}

void PageView::read_value(int token, StoredRow& row) const {
  const int head_dim = layout_->head_dim;
  read_row(*layout_, value_side(*layout_), page_, token, row,
           [=](int t, int c) { return value_index(head_dim, t, c); });
}

void PageView::decode_key(int token, float* x) const {
  StoredRow row;
  read_key(token, row);
  decode_row(tier(layout_->tier).key, row.codes, row.scales, layout_->head_dim, x);
}

void PageView::decode_value(int token, float* x) const {
  StoredRow row;
  read_value(token, row);
  decode_row(tier(layout_->tier).value, row.codes, row.scales, layout_->head_dim, x);
}

uint16_t PageView::significance(int token) const {
  LEANKV_CHECK(token >= 0 && token < layout_->tokens);
  const std::byte* at = page_ + layout_->significance + token * kSignificanceBytes;
  return uint16_t(unsigned(at[0]) | unsigned(at[1]) << 8);
}

void PageView::set_significance(int token, uint16_t bits) {
  LEANKV_CHECK(token >= 0 && token < layout_->tokens);
  std::byte* at = page_ + layout_->significance + token * kSignificanceBytes;
  at[0] = std::byte(bits & 0xff);
  at[1] = std::byte(bits >> 8);
}

}  // namespace leankv
