#include "kv/page_view.h"

#include <algorithm>
#include <bit>
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

// One plane of a tile: plane_slot() (packing.h) with its divisions, all by powers of two, done once per row.
class Plane {
 public:
  Plane(int n_values, int bits)
      : bits_(bits),
        width_log2_(std::countr_zero(unsigned(lane_bytes(n_values * bits / 8)))),
        lane_log2_(width_log2_ + std::countr_zero(8u / unsigned(bits))),
        mask_((1u << bits) - 1) {}

  void set(std::byte* plane, int index, unsigned value) const {
    const PlaneSlot at = slot(unsigned(index));
    const unsigned others = unsigned(plane[at.byte]) & ~(mask_ << at.shift);
    plane[at.byte] = std::byte(others | (value & mask_) << at.shift);
  }
  unsigned get(const std::byte* plane, int index) const {
    const PlaneSlot at = slot(unsigned(index));
    return unsigned(plane[at.byte]) >> at.shift & mask_;
  }

 private:
  PlaneSlot slot(unsigned index) const {
    const unsigned within = index & ((1u << lane_log2_) - 1);
    const unsigned byte = (index >> lane_log2_ << width_log2_) + (within & ((1u << width_log2_) - 1));
    return {int(byte), int(within >> width_log2_) * bits_};
  }

  int bits_, width_log2_, lane_log2_;
  unsigned mask_;
};

// Calls f(plane, its byte offset in the tile, bits of the code below it), the widest plane first.
template <class F>
void for_each_plane(int n_values, int bits, F f) {
  for (int plane = 8, done = 0, offset = 0; plane > 0; plane /= 2) {
    if ((bits & plane) == 0) continue;
    f(Plane(n_values, plane), offset, done);
    offset += n_values * plane / 8;
    done += plane;
  }
}

// index(token in the tile, channel): place in the tile's order.
template <class Index>
void write_row(const PageLayout& p, const Side& side, std::byte* page, int token, const StoredRow& row, Index index) {
  LEANKV_CHECK(token >= 0 && token < p.tokens);
  const int tile = tile_tokens(p.tier), n_values = tile * p.head_dim, bits = codec(side.codec).bits;
  const int t = token % tile, head_dim = p.head_dim;
  std::byte* codes = page + side.codes + token / tile * side.tile_bytes;
  if (bits == 16) {
    for (int c = 0; c < head_dim; ++c) set_code(codes, n_values, 16, index(t, c), row.codes[c]);
  } else {
    for_each_plane(n_values, bits, [&](const Plane plane, int offset, int done) {
      for (int c = 0; c < head_dim; ++c) plane.set(codes + offset, index(t, c), unsigned(row.codes[c]) >> done);
    });
  }
  std::memcpy(page + side.scales + token * side.scale_bytes, row.scales, std::size_t(side.scale_bytes));
}

template <class Index>
void read_row(const PageLayout& p, const Side& side, const std::byte* page, int token, StoredRow& row, Index index) {
  LEANKV_CHECK(token >= 0 && token < p.tokens);
  const int tile = tile_tokens(p.tier), n_values = tile * p.head_dim, bits = codec(side.codec).bits;
  const int t = token % tile, head_dim = p.head_dim;
  const std::byte* codes = page + side.codes + token / tile * side.tile_bytes;
  if (bits == 16) {
    for (int c = 0; c < head_dim; ++c) row.codes[c] = get_code(codes, n_values, 16, index(t, c));
  } else {
    std::fill_n(row.codes, head_dim, uint16_t(0));
    for_each_plane(n_values, bits, [&](const Plane plane, int offset, int done) {
      for (int c = 0; c < head_dim; ++c) {
        row.codes[c] = uint16_t(row.codes[c] | plane.get(codes + offset, index(t, c)) << done);
      }
    });
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
