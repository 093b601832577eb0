#include "kv/page_view.h"

#include <algorithm>
#include <bit>
#include <cstring>

#include "base/error.h"
#include "kv/key_words.h"
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

// A row lies in its tile's order in words of 4 neighbours: a key is 4 channels of every word, a value one neighbour of
// every word (page_layout.h). Planes (packing.h) keep the words: 32 bits with a code's bits in each byte.
using Word = uint32_t;

// What is one token's of the words of a tile.
template <int kCodes>  // of each word
struct WordRow {
  int first, step, count;  // words
  int byte;                // of its first code
};
WordRow<4> key_words(int tile, int head_dim, int token) { return {token, tile, head_dim / 4, 0}; }
WordRow<1> value_words(int, int head_dim, int token) { return {token / 4 * head_dim, 1, head_dim, token % 4}; }

// One plane of a tile: plane_slot() of whole words, with its divisions, all by powers of two, done once per row.
class Plane {
 public:
  Plane(int n_values, int bits)
      : bits_(bits),
        words_log2_(std::countr_zero(unsigned(lane_bytes(n_values * bits / 8)) / sizeof(Word))),
        lane_log2_(words_log2_ + std::countr_zero(8u / unsigned(bits))) {}

  template <int kCodes>
  void write(std::byte* plane, const WordRow<kCodes>& row, const uint16_t* codes, int done) const {
    for_each_run(row, [&](int i, Place at, int words) {
      write_run<kCodes>(plane + at.byte, words, row.step, mask_of(row) << at.shift, codes + i * kCodes, done,
                        8 * row.byte + at.shift);
    });
  }
  template <int kCodes>
  void read(const std::byte* plane, const WordRow<kCodes>& row, uint16_t* codes, int done) const {
    for_each_run(row, [&](int i, Place at, int words) {
      read_run<kCodes>(plane + at.byte, words, row.step, codes + i * kCodes, done, 8 * row.byte + at.shift);
    });
  }

 private:
  struct Place {
    int byte, shift;
  };
  template <int kCodes>
  Place place(const WordRow<kCodes>& row, int i) const {
    const unsigned word = unsigned(row.first + i * row.step), within = word & ((1u << lane_log2_) - 1);
    const unsigned at = (word >> lane_log2_ << words_log2_) + (within & ((1u << words_log2_) - 1));
    return {int(at * sizeof(Word)), int(within >> words_log2_) * bits_};
  }
  // Calls f(first word, its place, words) for words, row.step apart, that have one shift: those of a lane, or all where
  // codes are bytes. A row begins in the first `step` words of a lane: there are at most 16 in one, and head_dim is a
  // multiple of 16.
  template <int kCodes, class F>
  void for_each_run(const WordRow<kCodes>& row, F f) const {
    const int in_lane = (1 << words_log2_) / row.step, run = bits_ == 8 ? row.count : in_lane > 1 ? in_lane : 1;
    for (int i = 0; i < row.count; i += run) f(i, place(row, i), run);
  }
  Word code_mask() const { return (1u << bits_) - 1; }
  template <int kCodes>
  Word mask_of(const WordRow<kCodes>& row) const {
    return kCodes == 4 ? code_mask() * 0x01010101u : code_mask() << 8 * row.byte;
  }

  // mask: of the bits that change; shift: of a word's first code, `done` bits of which were stored before.
  template <int kCodes>
  static void write_run(std::byte* __restrict to, int words, int step, Word mask, const uint16_t* __restrict codes,
                        int done, int shift) {
    for (int i = 0; i < words; ++i) {
      Word word = 0, old;
      for (int k = 0; k < kCodes; ++k) word |= Word(codes[i * kCodes + k]) >> done << (8 * k + shift);
      std::memcpy(&old, to + i * step * int(sizeof(Word)), sizeof(Word));
      word = (old & ~mask) | (word & mask);
      std::memcpy(to + i * step * int(sizeof(Word)), &word, sizeof(Word));
    }
  }
  template <int kCodes>
  void read_run(const std::byte* __restrict from, int words, int step, uint16_t* __restrict codes, int done,
                int shift) const {
    for (int i = 0; i < words; ++i) {
      Word word;
      std::memcpy(&word, from + i * step * int(sizeof(Word)), sizeof(Word));
      for (int k = 0; k < kCodes; ++k) {
        uint16_t& code = codes[i * kCodes + k];
        code = uint16_t(code | (word >> (8 * k + shift) & code_mask()) << done);
      }
    }
  }

  int bits_, words_log2_, lane_log2_;
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

constexpr std::size_t kHalfWordBytes = 4 * sizeof(uint16_t);  // of a word's codes of 16 bits

template <int kCodes>
void write_codes(int n_values, int bits, std::byte* tile, const WordRow<kCodes>& row, const uint16_t* codes) {
  if (bits == 16) {
    std::byte* to = tile + std::size_t(row.first) * kHalfWordBytes + std::size_t(row.byte) * sizeof(uint16_t);
    for (int i = 0; i < row.count; ++i, to += std::size_t(row.step) * kHalfWordBytes) {
      std::memcpy(to, codes + i * kCodes, kCodes * sizeof(uint16_t));
    }
    return;
  }
  if constexpr (kCodes == 4) {
    if (has_whole_words(bits, 4 * row.count)) return write_key_words(bits, 4 * row.count, row.first, tile, codes);
  }
  for_each_plane(n_values, bits,
                 [&](const Plane plane, int offset, int done) { plane.write(tile + offset, row, codes, done); });
}

template <int kCodes>
void read_codes(int n_values, int bits, const std::byte* tile, const WordRow<kCodes>& row, uint16_t* codes) {
  if (bits == 16) {
    const std::byte* from = tile + std::size_t(row.first) * kHalfWordBytes + std::size_t(row.byte) * sizeof(uint16_t);
    for (int i = 0; i < row.count; ++i, from += std::size_t(row.step) * kHalfWordBytes) {
      std::memcpy(codes + i * kCodes, from, kCodes * sizeof(uint16_t));
    }
    return;
  }
  if constexpr (kCodes == 4) {
    if (has_whole_words(bits, 4 * row.count)) return read_key_words(bits, 4 * row.count, row.first, tile, codes);
  }
  std::fill_n(codes, row.count * kCodes, uint16_t(0));
  for_each_plane(n_values, bits,
                 [&](const Plane plane, int offset, int done) { plane.read(tile + offset, row, codes, done); });
}

// words: key_words or value_words.
template <class Words>
void write_row(const PageLayout& p, const Side& side, std::byte* page, int token, const StoredRow& row, Words words) {
  LEANKV_CHECK(token >= 0 && token < p.tokens);
  const int tile = tile_tokens(p.tier), bits = codec(side.codec).bits;
  std::byte* codes = page + side.codes + token / tile * side.tile_bytes;
  write_codes(tile * p.head_dim, bits, codes, words(tile, p.head_dim, token % tile), row.codes);
  std::memcpy(page + side.scales + token * side.scale_bytes, row.scales, std::size_t(side.scale_bytes));
}

template <class Words>
void read_row(const PageLayout& p, const Side& side, const std::byte* page, int token, StoredRow& row, Words words) {
  LEANKV_CHECK(token >= 0 && token < p.tokens);
  const int tile = tile_tokens(p.tier), bits = codec(side.codec).bits;
  const std::byte* codes = page + side.codes + token / tile * side.tile_bytes;
  read_codes(tile * p.head_dim, bits, codes, words(tile, p.head_dim, token % tile), row.codes);
  std::memcpy(row.scales, page + side.scales + token * side.scale_bytes, std::size_t(side.scale_bytes));
}

}  // namespace

void PageView::write_key(int token, const StoredRow& row) {
  write_row(*layout_, key_side(*layout_), page_, token, row, key_words);
}

void PageView::write_value(int token, const StoredRow& row) {
  write_row(*layout_, value_side(*layout_), page_, token, row, value_words);
}

void PageView::read_key(int token, StoredRow& row) const {
  read_row(*layout_, key_side(*layout_), page_, token, row, key_words);
}

void PageView::read_value(int token, StoredRow& row) const {
  read_row(*layout_, value_side(*layout_), page_, token, row, value_words);
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
