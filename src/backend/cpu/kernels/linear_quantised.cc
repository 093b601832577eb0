#include "backend/cpu/kernels/linear_dots.h"
#include "backend/cpu/kernels/linear_functions.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

// total += scale_w * (scale_x * dot) + min_w * sum_x; first is the block's first scale in the tile of the vector.
template <class Form, int kRows, int kVectors>
inline void add_scaled(const TiledWeights& weights, const int64_t (&first)[kVectors], const ActivationBlock* stats,
                       std::ptrdiff_t stats_row, Sums<kRows, kVectors>& s) {
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    const Floats scale = load_half(weights.scales + first[v]);
    Floats min = scale;
    if constexpr (Form::kHasMins) min = load_half(weights.mins + first[v]);
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) {
      const ActivationBlock& x = stats[r * stats_row];
      s.total[r][v] = fma(scale, mul(broadcast(x.scale), to_float(s.dot[r][v])), s.total[r][v]);
      if constexpr (Form::kHasMins) s.total[r][v] = fma(min, broadcast(x.sum), s.total[r][v]);
    }
  }
}

template <int kRows, int kTiles, int kVectors>
inline void store_sums(const Sums<kRows, kVectors>& s, int first_output, int outputs, float* y,
                       std::ptrdiff_t y_stride) {
  const bool whole = first_output + kTiles * kTileOutputs <= outputs;
  float edge[kTiles * kTileOutputs];
#pragma GCC unroll 6
  for (int r = 0; r < kRows; ++r) {
    float* to = whole ? y + r * y_stride + first_output : edge;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) store(to + v * kLanes, s.total[r][v]);
    if (whole) continue;
    for (int i = first_output; i < outputs; ++i) y[r * y_stride + i] = edge[i - first_output];
  }
}

constexpr int kAheadBytes = 8192;

// The first rows read weights straight from memory. One tile after the other is a single stream, called for some way
// ahead; tiles side by side are pieces too short for that: called for is the same block of the tiles behind these.
template <class Form, int kTiles>
inline void prefetch_next(const TiledWeights& weights, std::ptrdiff_t block, std::ptrdiff_t blocks) {
  if constexpr (kTiles == 1) return prefetch_block<Form>(weights, block + kAheadBytes / Form::kBlockBytes);
#pragma GCC unroll 2
  for (int t = 0; t < kTiles; ++t) prefetch_block<Form>(weights, block + (kTiles + t) * blocks);
}

// kFirst: of the range's rows, those that bring the weights from memory.
template <class Form, int kHalves, int kRows, int kTiles, bool kFirst>
inline void multiply_rows(const TiledWeights& weights, int tile, const QuantisedActivations& x, int row, Matrix y) {
  constexpr int kVectors = kTiles * kParts;
  const std::ptrdiff_t x_row = std::ptrdiff_t(x.blocks) * kHalves * kBlockInputs, blocks = x.blocks;
  const ActivationBlock* stats = x.stats + row * blocks;
  BlockView block{weights.codes + tile * blocks * Form::kBlockBytes, blocks * Form::kBlockBytes, x.codes + row * x_row,
                  x_row};
  int64_t first[kVectors];
  Sums<kRows, kVectors> s;
#pragma GCC unroll 4
  for (int v = 0; v < kVectors; ++v) {
    first[v] = (tile + v / kParts) * blocks * kTileOutputs + v % kParts * kLanes;
#pragma GCC unroll 6
    for (int r = 0; r < kRows; ++r) s.total[r][v] = broadcast(0.0f);
  }
  for (std::ptrdiff_t b = 0; b < blocks; ++b, ++stats) {
    if constexpr (kFirst) prefetch_next<Form, kTiles>(weights, tile * blocks + b, blocks);
    dot_block<Form, kHalves>(block, stats, blocks, s.dot);
    add_scaled<Form>(weights, first, stats, blocks, s);
    block.codes += Form::kBlockBytes;
    block.x += kHalves * kBlockInputs;
#pragma GCC unroll 4
    for (int v = 0; v < kVectors; ++v) first[v] += kTileOutputs;
  }
  store_sums<kRows, kTiles>(s, tile * kTileOutputs, weights.outputs, y.row(row), y.stride);
}

// From row on; those that are left over all at once.
template <class Form, int kHalves, int kRows, int kTiles>
inline void multiply_tiles(const TiledWeights& weights, int tile, const QuantisedActivations& x, TileRange range,
                           int row, Matrix y) {
  for (; row + kRows <= range.end_row; row += kRows) {
    if (row == range.first_row) {
      multiply_rows<Form, kHalves, kRows, kTiles, true>(weights, tile, x, row, y);
    } else {
      multiply_rows<Form, kHalves, kRows, kTiles, false>(weights, tile, x, row, y);
    }
  }
  if constexpr (kRows > 1) multiply_tiles<Form, kHalves, kRows - 1, kTiles>(weights, tile, x, range, row, y);
}

// A few rows wait for memory, which is fastest in one stream: up to so many products with each byte of codes.
constexpr int kMostInOneStream = 12;

template <class Form, int kHalves>
[[gnu::flatten]] void multiply_range(const TiledWeights& weights, const QuantisedActivations& x, TileRange range,
                                     Matrix y) {
  const int rows = range.end_row - range.first_row, products = rows * kHalves * (8 / Form::kBits);
  const bool one_stream = rows <= kRowsAtOnce && products <= kMostInOneStream;
  int tile = range.first_tile;
  for (; !one_stream && tile + kTilesAtOnce <= range.end_tile; tile += kTilesAtOnce) {
    multiply_tiles<Form, kHalves, kRowsAtOnce, kTilesAtOnce>(weights, tile, x, range, range.first_row, y);
  }
  for (; tile < range.end_tile; ++tile) {
    multiply_tiles<Form, kHalves, kRowsAtOnce, 1>(weights, tile, x, range, range.first_row, y);
  }
}

template <class Form>
void multiply_form(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y) {
  x.halves == 1 ? multiply_range<Form, 1>(weights, x, range, y) : multiply_range<Form, 2>(weights, x, range, y);
}

}  // namespace

void multiply_quantised(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y) {
  if (weights.form == WeightForm::kCodes4) multiply_form<Codes<4, 8, false>>(weights, x, range, y);
  if (weights.form == WeightForm::kCodes4Min) multiply_form<Codes<4, 0, true>>(weights, x, range, y);
  if (weights.form == WeightForm::kCodes8) multiply_form<Codes<8, 128, false>>(weights, x, range, y);
  if (weights.form == WeightForm::kCodes8Min) multiply_form<Codes<8, 128, true>>(weights, x, range, y);
}

}  // namespace leankv::LEANKV_ISA_NS
