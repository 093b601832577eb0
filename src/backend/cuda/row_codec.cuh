// Encodes, decodes and rotates rows, half a warp each, with the bits of kv/quantise.cc and kv/hadamard.cc: lane l holds
// channels l, l + 16, ..., so that it sums what lane l of the specification sums.
//
// Both halves of a warp run through the same calls, on rows of the same codec; one whose row does not exist computes on
// zeros. Verbs of the block are warp-wide.
#pragma once

#include <cmath>

#include "backend/cuda/row_codes.cuh"
#include "kv/quantise_rules.h"

namespace leankv {

// The channels of one row that a lane holds; kMost of them, as head_dim rounded up to 16 kMost.
template <int kMost>
struct LaneRow {
  float x[kMost];
};

template <class Block>
LEANKV_HD int half_lane(Block& block) {
  return block.lane() % kHalfWarp;
}
template <class Block, class T>
LEANKV_HD T half_shuffle(Block& block, T x, int from) {
  return block.shuffle(x, block.lane() / kHalfWarp * kHalfWarp + from);
}
// In the order of kv/quantise.h: lanes l and l + 8, then l + 4, l + 2, l + 1.
template <class Block>
LEANKV_HD float half_sum(Block& block, float x) {
  return warp_sum(block, x, kHalfWarp);
}

struct RowRange {
  float low, high;
};

// Over channels [16 first, 16 last). Lanes are combined one after the other, so that of -0 and 0 the same one wins as
// in the specification.
template <int kMost, class Block>
LEANKV_HD RowRange range_of(Block& block, const LaneRow<kMost>& row, int first, int last) {
  float low = INFINITY, high = -INFINITY;
  for (int i = 0; i < kMost; ++i) {
    if (i < first || i >= last) continue;
    low = smaller(low, row.x[i]);
    high = larger(high, row.x[i]);
  }
  RowRange r = {half_shuffle(block, low, 0), half_shuffle(block, high, 0)};
  for (int l = 1; l < kHalfWarp; ++l) {
    r.low = smaller(r.low, half_shuffle(block, low, l));
    r.high = larger(r.high, half_shuffle(block, high, l));
  }
  return r.low <= r.high ? r : RowRange{0, 0};
}

LEANKV_HD inline float magnitude_of(RowRange r) { return larger(magnitude(r.low), magnitude(r.high)); }

LEANKV_HD inline void put_half(uint8_t* to, uint16_t half) {
  to[0] = uint8_t(half & 0xff);
  to[1] = uint8_t(half >> 8);
}
LEANKV_HD inline float half_at(const uint8_t* from) { return half_to_float(uint16_t(from[0] | from[1] << 8)); }

// ---- rotation ----

template <int kMost, class Block>
LEANKV_HD void hadamard(Block& block, LaneRow<kMost>& row, int head_dim) {
  const int size = head_dim & -head_dim;  // of the largest power of two that divides it, as in kv/hadamard.h
  const int lane = half_lane(block);
  for (int stride = 1; stride < kHalfWarp; stride *= 2) {
    for (int i = 0; i < kMost; ++i) {
      if (16 * i >= head_dim) break;
      const float other = block.shuffle(row.x[i], block.lane() ^ stride);
      row.x[i] = (lane & stride) == 0 ? row.x[i] + other : other - row.x[i];
    }
  }
  for (int step = 1; step < kMost; step *= 2) {
    if (16 * step >= size) break;
    for (int i = 0; i < kMost; ++i) {
      if ((i & step) != 0 || 16 * i >= head_dim) continue;
      const float a = row.x[i], b = row.x[i + step];
      row.x[i] = a + b;
      row.x[i + step] = a - b;
    }
  }
  const float norm = 1.0f / std::sqrt(float(size));
  for (int i = 0; i < kMost; ++i) row.x[i] *= norm;
}

// ---- encoding ----

template <int kMost, class Block>
LEANKV_HD void encode_grid8(Block& block, const LaneRow<kMost>& row, int n, CodeRow& out) {
  const uint16_t scale = grid8_scale(magnitude_of(range_of(block, row, 0, n)));
  const float inverse = 1.0f / half_to_float(scale);
  if (half_lane(block) == 0) put_half(out.scales, scale);
  for (int i = 0; i < kMost; ++i) {
    if (i < n) out.codes[16 * i + half_lane(block)] = uint16_t(grid8_code(row.x[i], inverse));
  }
}

template <int kMost, class Block>
LEANKV_HD void encode_minmax(Block& block, const LaneRow<kMost>& row, int n, int bits, CodeRow& out) {
  const float top = float((1 << bits) - 1);
  const RowRange r = range_of(block, row, 0, n);
  const uint16_t scale_bits = finite_half((r.high - r.low) / top), zero_bits = finite_half(r.low);
  const float scale = half_to_float(scale_bits), zero = half_to_float(zero_bits);
  const float inverse = scale > 0 ? 1.0f / scale : 0.0f;
  if (half_lane(block) == 0) put_half(out.scales, scale_bits), put_half(out.scales + 2, zero_bits);
  for (int i = 0; i < kMost; ++i) {
    if (i < n) out.codes[16 * i + half_lane(block)] = uint16_t(minmax_code(row.x[i], zero, inverse, top));
  }
}

template <int kMost, class Block>
LEANKV_HD void encode_block8(Block& block, const LaneRow<kMost>& row, int n, CodeRow& out) {
  for (int first = 0, b = 0; first < n; first += 2, ++b) {
    const float d = magnitude_of(range_of(block, row, first, first + 2 < n ? first + 2 : n)) / 127.0f;
    if (half_lane(block) == 0) put_half(out.scales + 2 * b, finite_half(d));
    for (int i = 0; i < kMost; ++i) {
      if (i < first || i >= first + 2 || i >= n) continue;
      out.codes[16 * i + half_lane(block)] = uint16_t(block8_code(row.x[i], inverse_or_zero(d)));
    }
  }
}

// The first channel of the largest magnitude among [16 first, 16 last), with its sign.
template <int kMost, class Block>
LEANKV_HD float signed_largest(Block& block, const LaneRow<kMost>& row, int first, int last) {
  const float largest = magnitude_of(range_of(block, row, first, last));
  int channel = kMaxHeadDim;
  float value = 0;
  for (int i = kMost - 1; i >= 0; --i) {
    if (i < first || i >= last || magnitude(row.x[i]) != largest) continue;
    channel = 16 * i + half_lane(block), value = row.x[i];
  }
  const int lowest = warp_reduce(
      block, channel, [](int a, int b) { return a < b ? a : b; }, kHalfWarp);
  const float found = half_shuffle(block, value, lowest % kHalfWarp);
  return lowest == kMaxHeadDim ? 0.0f : found;
}

template <int kMost, class Block>
LEANKV_HD void encode_block4(Block& block, const LaneRow<kMost>& row, int n, CodeRow& out) {
  for (int first = 0, b = 0; first < n; first += 2, ++b) {
    const float d = signed_largest(block, row, first, first + 2 < n ? first + 2 : n) / -8.0f;
    if (half_lane(block) == 0) put_half(out.scales + 2 * b, finite_half(d));
    for (int i = 0; i < kMost; ++i) {
      if (i < first || i >= first + 2 || i >= n) continue;
      out.codes[16 * i + half_lane(block)] = uint16_t(block4_code(row.x[i], inverse_or_zero(d)));
    }
  }
}

// The scale that fits the row best when every channel takes the image nearest at `step`.
template <int kMost, int kCount, class Block>
LEANKV_HD float fit_step(Block& block, const LevelTable<kCount>& table, const LaneRow<kMost>& row, int n, float step) {
  float dot = 0, norm = 0;
  for (int i = 0; i < kMost; ++i) {
    if (i >= n) break;
    const float a = magnitude(row.x[i]), image = nearest_image(table, a, step);
    dot += a * image;
    norm += image * image;
  }
  return half_sum(block, dot) / half_sum(block, norm);
}

// Root mean square, then two rounds of least squares, each rounded to a byte. Both halves of the warp do all rounds.
template <int kMost, int kCount, class Block>
LEANKV_HD int fit_scale(Block& block, const LevelTable<kCount>& table, const LaneRow<kMost>& row, int n) {
  float squares = 0;
  for (int i = 0; i < kMost; ++i) {
    if (i < n) squares += row.x[i] * row.x[i];
  }
  const int first = nearest_scale_byte(std::sqrt(half_sum(block, squares) / float(16 * n)));
  int byte = first > 0 ? first : 1;
  for (int round = 0; round < 2; ++round) {
    const float fitted = fit_step(block, table, row, n, scale_byte_value(byte) * table.step) / table.step;
    if (byte > 0) byte = nearest_scale_byte(fitted);
  }
  return byte;
}

template <int kMost, int kCount, class Block>
LEANKV_HD void encode_levels(Block& block, const LevelTable<kCount>& table, const LaneRow<kMost>& row, int n,
                             CodeRow& out) {
  const int byte = fit_scale(block, table, row, n);
  const float step = scale_byte_value(byte) * table.step;
  if (half_lane(block) == 0) out.scales[0] = uint8_t(byte);
  for (int i = 0; i < kMost; ++i) {
    if (i < n) out.codes[16 * i + half_lane(block)] = uint16_t(level_code(table, row.x[i], step, byte == 0));
  }
}

// x [16 n channels] becomes codes and scales in shared memory, complete for the half-warp's lanes after sync_warp().
template <int kMost, class Block>
LEANKV_HD void encode_row(Block& block, CodecId id, const LaneRow<kMost>& row, int n, CodeRow& out) {
  switch (id) {
    case CodecId::kHalf:
      for (int i = 0; i < kMost; ++i) {
        if (i < n) out.codes[16 * i + half_lane(block)] = float_to_half(row.x[i]);
      }
      return;
    case CodecId::kGrid8:
      return encode_grid8(block, row, n, out);
    case CodecId::kLevels4:
    case CodecId::kLevels3:
    case CodecId::kLevels2:
      return with_level_table(id, [&](const auto& table) { encode_levels(block, table, row, n, out); });
    case CodecId::kMinMax8:
      return encode_minmax(block, row, n, 8, out);
    case CodecId::kMinMax4:
      return encode_minmax(block, row, n, 4, out);
    case CodecId::kMinMax2:
      return encode_minmax(block, row, n, 2, out);
    case CodecId::kBlock8:
      return encode_block8(block, row, n, out);
    case CodecId::kBlock4:
      return encode_block4(block, row, n, out);
    case CodecId::kCount:
      return;
  }
}

// ---- decoding ----

LEANKV_HD inline float decode_channel(CodecId id, const CodeRow& row, int channel) {
  const int code = row.codes[channel];
  switch (id) {
    case CodecId::kHalf:
      return half_to_float(uint16_t(code));
    case CodecId::kGrid8:
      return grid8_value(code, half_at(row.scales));
    case CodecId::kLevels4:
    case CodecId::kLevels3:
    case CodecId::kLevels2:
      return with_level_table(id, [&](const auto& table) {
        return scale_byte_value(row.scales[0]) * table.step * float(table.code_image[code]);
      });
    case CodecId::kMinMax8:
    case CodecId::kMinMax4:
    case CodecId::kMinMax2:
      return minmax_value(code, half_at(row.scales), half_at(row.scales + 2));
    case CodecId::kBlock8:
      return block8_value(code, half_at(row.scales + channel / 32 * 2));
    case CodecId::kBlock4:
      return block4_value(code, half_at(row.scales + channel / 32 * 2));
    case CodecId::kCount:
      break;
  }
  return 0;
}

template <int kMost, class Block>
LEANKV_HD LaneRow<kMost> decode_row(Block& block, CodecId id, const CodeRow& row, int n) {
  LaneRow<kMost> out;
  for (int i = 0; i < kMost; ++i) out.x[i] = i < n ? decode_channel(id, row, 16 * i + half_lane(block)) : 0.0f;
  return out;
}

}  // namespace leankv
