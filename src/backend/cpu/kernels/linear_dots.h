// Dot products of a block of packed codes with rows of quantised activations, in registers: of linear_quantised.cc.
#pragma once

#include "backend/cpu/kernels/linear_codes.h"

namespace leankv::LEANKV_ISA_NS {

// A block of sums in registers: rows of x by vectors of outputs. Each group of codes is loaded once for all rows and
// each group of activations once for all vectors, so that loads (2 per cycle) do not hold up the products: 8 loads for
// 12 products with AVX-512. 12 integer and 12 float sums leave 8 of 32 registers for codes and scales.
inline constexpr int kTilesAtOnce = kLanes == 16 ? 2 : 1;
inline constexpr int kRowsAtOnce = kLanes == 16 ? 6 : 2;

template <int kRows, int kVectors>
struct Sums {
  Ints dot[kRows][kVectors];
  Floats total[kRows][kVectors];
};

// Where a block's codes and activations lie.
struct BlockView {
  const uint8_t* codes;  // of the first tile
  std::ptrdiff_t tile;   // bytes from one tile's to the next one's
  const int8_t* x;       // of the first row
  std::ptrdiff_t x_row;  // bytes from one row to the next
};

// Where registers allow it, both halves of the activations are multiplied with codes that are unpacked once: what a
// single row needs, whose codes come straight from memory.
constexpr int halves_at_once(int halves, int rows) { return 2 * rows <= kRowsAtOnce ? halves : 1; }

template <int kVectors>
inline void load_groups(const BlockView& block, int group, Bytes (&codes)[kVectors]) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    codes[v] = load_bytes(block.codes + v / kParts * block.tile + (group * kParts + v % kParts) * kLanes * 4);
  }
}

// x points at the first row's group, in the first half; dots are [row][half].
template <class Form, int kHalves, int kDots, int kVectors>
inline void add_group(const Bytes (&codes)[kVectors], const int8_t* x, std::ptrdiff_t x_row,
                      Ints (&dots)[kDots][kVectors]) {
#pragma GCC unroll 6
  for (int i = 0; i < kDots; ++i) {
    const Bytes four = broadcast_4(x + i / kHalves * x_row + i % kHalves * kBlockInputs);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) dots[i][v] = dot<Form::kBits>(dots[i][v], codes[v], four);
  }
}

// Adds the products of a block's codes with kHalves halves of the activations, from x on.
template <class Form, int kHalves, int kDots, int kVectors>
inline void add_products(const BlockView& block, const int8_t* x, Ints (&dots)[kDots][kVectors]) {
  constexpr bool kPairs = Form::kBits == 4;
#pragma GCC unroll 8
  for (int g = 0; g < (kPairs ? kBlockGroups / 2 : kBlockGroups); ++g) {
    Bytes codes[kVectors], low[kVectors];
    load_groups(block, g, codes);
    if constexpr (!kPairs) {
      add_group<Form, kHalves>(codes, x + 4 * g, block.x_row, dots);
    } else {
#pragma GCC unroll 4
      for (int v = 0; v < kVectors; ++v) low[v] = low_nibbles(codes[v]), codes[v] = high_nibbles(codes[v]);
      add_group<Form, kHalves>(low, x + 4 * g, block.x_row, dots);
      add_group<Form, kHalves>(codes, x + 4 * g + kBlockInputs / 2, block.x_row, dots);
    }
  }
}

template <int kRows, int kVectors>
inline void fill(Ints (&dots)[kRows][kVectors], Ints value) {
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) dots[r][v] = value;
  }
}

// The dot products of a block, exact integers: at most 255 * kLargestInt16 * 32 < 2^28.
template <class Form, int kHalves, int kRows, int kVectors>
inline void dot_block(const BlockView& block, const ActivationBlock* stats, std::ptrdiff_t stats_row,
                      Ints (&dots)[kRows][kVectors]) {
  constexpr int kAtOnce = halves_at_once(kHalves, kRows);
  constexpr int kZero = Form::kBits == 8 ? Form::kZero - kDotZero : Form::kZero;  // that the products still hold
  Ints parts[kRows * kAtOnce][kVectors];
  fill(parts, broadcast_int(0));
  add_products<Form, kAtOnce>(block, block.x, parts);
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    const Ints zeros = broadcast_int(-kZero * stats[r * stats_row].total);
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) {
      dots[r][v] = kHalves == 2 ? shift_left<8>(parts[r * kAtOnce][v]) : parts[r][v];
      if constexpr (kAtOnce == 2) dots[r][v] = add(dots[r][v], parts[r * 2 + 1][v]);
      if constexpr (kZero != 0) dots[r][v] = add(dots[r][v], zeros);
    }
  }
  if constexpr (kAtOnce < kHalves) add_products<Form, 1>(block, block.x + kBlockInputs, dots);
}

}  // namespace leankv::LEANKV_ISA_NS
