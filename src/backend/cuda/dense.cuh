// Weights of linear layers, and products with them.
#pragma once

#include <cmath>

#include "backend/cuda/gather.cuh"
#include "backend/cuda/weights.h"
#include "base/half.h"

namespace leankv {

// ---- weights ----

// One value of a matrix. Slow; for rows that are looked up, and for halves that are made once.
LEANKV_INLINE float weight_at(const WeightTiles& w, int row, int column) {
  const int in_step = column % kWeightStep, in_tile = row % kWeightRows, tile = row / kWeightRows;
  const std::size_t lane = std::size_t(in_tile % 8 * 4 + in_step / 4);
  const std::size_t at = (std::size_t(tile) * w.steps() + column / kWeightStep) * kWarp + lane;
  const int code = in_tile / 8 * 4 + in_step % 4;
  const std::size_t scale =
      (std::size_t(tile) * w.blocks + (w.blocks == 1 ? 0 : column / kWeightBlock)) * kWeightRows + in_tile;
  if (w.codes == WeightCodes::kHalf) {
    return w.scales[scale] * half_to_float(uint16_t(w.words[at * 4 + code / 2] >> 16 * (code % 2)));
  }
  const uint32_t bits = w.codes == WeightCodes::k4 ? w.words[at] >> 4 * (code / 2 + code % 2 * 4) & 15u
                                                   : w.words[at * 2 + code / 4] >> 8 * (code % 4) & 255u;
  const float value = w.scales[scale] * float(int(bits) - w.offset());
  return w.mins == nullptr ? value : value + w.mins[scale];
}

// The power of two above a magnitude; 1 for 0.
LEANKV_INLINE float power_above(float largest) {
  const uint32_t exponent = std::bit_cast<uint32_t>(largest) >> 23;
  return largest > 0 && exponent < 254 ? std::bit_cast<float>((exponent + 1) << 23) : 1.0f;
}

// Rows [first, ...) as halves over their power of two. Grid: rows.
struct HalvesKernel {
  static constexpr int kThreads = 256;
  struct Params {
    WeightTiles weights;
    int first;
    uint16_t* halves;  // [rows of the grid, columns]
    float* scales;     // [rows of the grid]
  };
  using Shared = BlockMax<float, kThreads>;
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int row = p.first + block.index(), columns = p.weights.columns;
    float largest = 0;
    for (int c = block.thread(); c < columns; c += kThreads) {
      largest = Largest{}(largest, std::fabs(weight_at(p.weights, row, c)));
    }
    const float scale = power_above(block.template shared<Shared>().max(block, largest));
    for (int c = block.thread(); c < columns; c += kThreads) {
      p.halves[std::size_t(block.index()) * columns + c] = float_to_half(weight_at(p.weights, row, c) / scale);
    }
    if (block.thread() == 0) p.scales[block.index()] = scale;
  }
};

// ---- rows of activations as halves ----

// Each row over its power of two, as the sum of two halves; sums over blocks of inputs for the weights' minima.
struct HalfRows {
  uint16_t *high, *low;  // [rows, columns]
  float* block_sums;     // [rows, columns / kWeightBlock]
  float* scales;         // [rows]
};

// Grid: rows.
struct PrepareRowsKernel {
  static constexpr int kThreads = 256, kWarps = kThreads / kWarp;
  struct Params {
    RowsView x;
    int columns;
    HalfRows out;
  };
  using Shared = BlockMax<float, kThreads>;
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const float* x = p.x.row(block.index());
    float largest = 0;
    for (int c = block.thread(); c < p.columns; c += kThreads) largest = Largest{}(largest, std::fabs(x[c]));
    const float scale = power_above(block.template shared<Shared>().max(block, largest)), inverse = 1 / scale;
    const std::size_t row = std::size_t(block.index());
    static_assert(kWeightBlock == kWarp, "a lane per input of a block");
    for (int b = block.warp(); b < p.columns / kWeightBlock; b += kWarps) {
      const int c = b * kWeightBlock + block.lane();
      const float value = x[c] * inverse;
      const uint16_t high = float_to_half(value), low = float_to_half(value - half_to_float(high));
      p.out.high[row * p.columns + c] = high, p.out.low[row * p.columns + c] = low;
      const float sum = warp_sum(block, half_to_float(high) + half_to_float(low));
      if (block.lane() == 0) p.out.block_sums[row * (p.columns / kWeightBlock) + b] = sum;
    }
    if (block.thread() == 0) p.out.scales[block.index()] = scale;
  }
};

// ---- y = x w^T for a few rows of x: weights are read once, as they are packed ----

// A block computes a tile of 16 outputs for eight rows; its warps share the inputs. Grid: x tiles, y eights of rows.
template <WeightCodes kCodes>
struct LinearKernel {
  static constexpr int kThreads = 256, kWarps = kThreads / kWarp, kRows = 8;
  struct Params {
    WeightTiles weights;
    HalfRows x;
    int tokens;
    float* y;  // [tokens, stride]
    int stride;
  };
  struct Shared {
    float sums[kWarps][kWeightRows][kRows];
  };

  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    auto& shared = block.template shared<Shared>();
    const int c = block.lane() % 4, row = block.lane() / 4, first = block.index_y() * kRows;
    float sum[4] = {};
    for (int b = block.warp(); b < p.weights.columns / kWeightBlock; b += kWarps) add_block(block, p, b, first, sum);
    for (int i = 0; i < 4; ++i) shared.sums[block.warp()][row + i / 2 * 8][2 * c + i % 2] = sum[i];
    block.sync();
    const int output = block.thread() / kRows, token = first + block.thread() % kRows;
    const int r = block.index() * kWeightRows + output;
    if (output >= kWeightRows || token >= p.tokens || r >= p.weights.rows) return;
    float all = 0;
    for (int w = 0; w < kWarps; ++w) all += shared.sums[w][output][block.thread() % kRows];
    p.y[std::size_t(token) * std::size_t(p.stride) + r] = all * p.x.scales[token];
  }

  template <class Block>
  LEANKV_INLINE static void add_block(Block& block, const Params& p, int b, int first, float (&sum)[4]) {
    const int c = block.lane() % 4, row = block.lane() / 4, columns = p.weights.columns;
    const int mine = first + row < p.tokens ? first + row : first;
    float products[4] = {};
    for (int half = 0; half < 2; ++half) {
      const int step = 2 * b + half;
      uint32_t a[4];
      load_codes(block, p.weights, step, a);
      const std::size_t at = std::size_t(mine) * std::size_t(columns) + std::size_t(kWeightStep * step + 4 * c);
      const auto* high = reinterpret_cast<const uint32_t*>(p.x.high + at);
      const auto* low = reinterpret_cast<const uint32_t*>(p.x.low + at);
      block.mma(products, a, {high[0], high[1]});
      block.mma(products, a, {low[0], low[1]});
    }
    const std::size_t scale =
        (std::size_t(block.index()) * p.weights.blocks + (p.weights.blocks == 1 ? 0 : b)) * kWeightRows + row;
    for (int i = 0; i < 4; ++i) {
      sum[i] += products[i] * p.weights.scales[scale + i / 2 * 8];
      if (kCodes != WeightCodes::k4 || p.weights.mins == nullptr) continue;
      const int token = first + 2 * c + i % 2 < p.tokens ? first + 2 * c + i % 2 : first;
      sum[i] += p.x.block_sums[std::size_t(token) * (columns / kWeightBlock) + b] * p.weights.mins[scale + i / 2 * 8];
    }
  }

  // The lane's eight values of a step as a fragment: rows row and row + 8.
  template <class Block>
  LEANKV_INLINE static void load_codes(Block& block, const WeightTiles& w, int step, uint32_t (&a)[4]) {
    const std::size_t at = (std::size_t(block.index()) * w.steps() + step) * kWarp + block.lane();
    if constexpr (kCodes == WeightCodes::kHalf) {
      const uint32_t* words = w.words + 4 * at;
      a[0] = words[0], a[2] = words[1], a[1] = words[2], a[3] = words[3];
    } else if constexpr (kCodes == WeightCodes::k8) {
      constexpr uint32_t kThousand = 0x64646464, kBias = 0x64806480;  // 1024 + 128 twice
      for (int r = 0; r < 2; ++r) {
        const uint32_t word = w.words[2 * at + r];
        a[r] = block.subtract_halves(block.byte_permute(word, kThousand, 0x4140), kBias);
        a[r + 2] = block.subtract_halves(block.byte_permute(word, kThousand, 0x4342), kBias);
      }
    } else {
      const uint32_t word = w.words[at], bias = w.mins == nullptr ? 0x64086408u : 0x64006400u;
      const auto pair = [&](int i) { return block.subtract_halves((word >> 4 * i & 0x000f000fu) | 0x64006400u, bias); };
      a[0] = pair(0), a[2] = pair(1), a[1] = pair(2), a[3] = pair(3);
    }
  }
};

// ---- after a product of halves: both sides were over powers of two. Grid: x outputs, y rows ----

struct ScaleProductKernel {
  static constexpr int kThreads = 256;
  struct Shared {};
  struct Params {
    const float* product;  // [rows, outputs]
    const float *row_scales, *output_scales;
    int outputs;
    float* y;  // [rows, stride]
    int stride;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int r = block.index() * kThreads + block.thread(), row = block.index_y();
    if (r >= p.outputs) return;
    p.y[std::size_t(row) * std::size_t(p.stride) + r] =
        p.product[std::size_t(row) * std::size_t(p.outputs) + r] * p.row_scales[row] * p.output_scales[r];
  }
};

// Rows of a table of weights. Grid: x columns, y tokens.
struct EmbedKernel {
  static constexpr int kThreads = 256;
  struct Shared {};
  struct Params {
    WeightTiles table;
    const int* tokens;
    float* x;
    int stride;
  };
  template <class Block>
  LEANKV_HD static void run(Block& block, const Params& p) {
    const int c = block.index() * kThreads + block.thread(), row = block.index_y();
    if (c >= p.table.columns) return;
    p.x[std::size_t(row) * std::size_t(p.stride) + c] = weight_at(p.table, p.tokens[row], c);
  }
};

}  // namespace leankv
