#include "backend/cpu/kernels/linear_codes.h"
#include "backend/cpu/kernels/linear_functions.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kPanelTiles = 4;
constexpr int kPanelInputs = 128;  // a panel of 4 x 128 x 16 floats is 32 KiB: it stays in the L1 cache
static_assert(kPanelInputs % kBlockInputs == 0);
// Sums held in registers: 6 x 4 vectors with AVX-512, 6 x 1 tile of 2 vectors with AVX2.
constexpr int kRowsAtOnce = kLanes == 4 ? 2 : 6;
constexpr int kTilesAtOnce = kLanes == 16 ? 4 : 1;

struct Panel {
  alignas(64) float values[kPanelTiles][kPanelInputs][kTileOutputs];
};

template <class Form>
struct CodeTile {
  // out [inputs][kTileOutputs]. The product is exact (11 x 8 bits), so each weight is rounded once, as in the file's
  // definition. REQUIRES first and inputs are multiples of kBlockInputs.
  static void unpack(const TiledWeights& weights, int tile, int first, int inputs, float (*out)[kTileOutputs]) {
    const int64_t tile_blocks = weights.inputs / kBlockInputs;
    for (int b = 0; b < inputs / kBlockInputs; ++b) {
      const int64_t block = tile * tile_blocks + first / kBlockInputs + b;
      // A panel takes a short piece of each of its tiles: too short for the hardware to see the next one coming.
      prefetch_block<Form>(weights, block + kPanelInputs / kBlockInputs);
      for (int part = 0; part < kParts; ++part) unpack_block(weights, block, part, out + b * kBlockInputs);
    }
  }

 private:
  static void unpack_block(const TiledWeights& weights, int64_t block, int part, float (*out)[kTileOutputs]) {
    const int at = part * kLanes;
    const BlockCodes codes = load_codes<Form>(weights.codes + block * Form::kBlockBytes, part);
    const Floats scale = load_half(weights.scales + block * kTileOutputs + at);
    Floats min = mul(scale, broadcast(-float(Form::kZero)));
    if constexpr (Form::kHasMins) min = load_half(weights.mins + block * kTileOutputs + at);
    for (int g = 0; g < kBlockGroups; ++g) {
      store(out[4 * g] + at, fma(scale, code<0>(codes.group[g]), min));
      store(out[4 * g + 1] + at, fma(scale, code<1>(codes.group[g]), min));
      store(out[4 * g + 2] + at, fma(scale, code<2>(codes.group[g]), min));
      store(out[4 * g + 3] + at, fma(scale, code<3>(codes.group[g]), min));
    }
  }

  // Without a minimum, its place is taken by the zero's product.
  template <int kByte>
  static Floats code(Bytes group) {
    const Ints byte = byte_of<kByte>(group);
    if constexpr (Form::kHasMins && Form::kZero != 0) return to_float(add(byte, broadcast_int(-Form::kZero)));
    return to_float(byte);
  }
};

struct HalfValues {
  using Type = uint16_t;
  static Floats lanes(const uint16_t* from) { return load_half(from); }
};
struct Bfloat16Values {
  using Type = uint16_t;
  static Floats lanes(const uint16_t* from) { return load_bfloat16(from); }
};
struct FloatValues {
  using Type = float;
  static Floats lanes(const float* from) { return load(from); }
};

template <class Values>
struct ValueTile {
  // out [inputs][kTileOutputs]
  static void unpack(const TiledWeights& weights, int tile, int first, int inputs, float (*out)[kTileOutputs]) {
    const auto* values = static_cast<const typename Values::Type*>(weights.values);
    const auto* from = values + (int64_t(tile) * weights.inputs + first) * kTileOutputs;
    for (int i = 0; i < inputs; ++i) {
      __builtin_prefetch(from + (i + kPanelInputs) * kTileOutputs);
      for (int at = 0; at < kTileOutputs; at += kLanes) store(out[i] + at, Values::lanes(from + i * kTileOutputs + at));
    }
  }
};

// Adds the products of kTiles tiles and kRows rows to y [kRows, kTiles * 16], in ascending order of inputs.
template <int kRows, int kTiles>
inline void multiply_block(const Panel& panel, int first_tile, const float* x, std::ptrdiff_t x_stride, int inputs,
                           float* y, std::ptrdiff_t y_stride) {
  constexpr int kVectors = kTiles * kParts;
  Floats sum[kRows][kVectors];
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) sum[r][v] = load(y + r * y_stride + v * kLanes);
  }
  for (int c = 0; c < inputs; ++c) {
    Floats w[kVectors];
    for (int v = 0; v < kVectors; ++v) {
      w[v] = load(panel.values[first_tile + v / kParts][c] + v % kParts * kLanes);
    }
    for (int r = 0; r < kRows; ++r) {
      const Floats value = broadcast(x[r * x_stride + c]);
      for (int v = 0; v < kVectors; ++v) sum[r][v] = fma(value, w[v], sum[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    for (int v = 0; v < kVectors; ++v) store(y + r * y_stride + v * kLanes, sum[r][v]);
  }
}

// Adds the products of one panel to y [x.rows, tiles * 16], kRows rows and kTiles tiles at once. x starts at the
// panel's first input. Returns the first row that is left.
template <int kRows, int kTiles>
inline int multiply_rows(const Panel& panel, int tiles, ConstMatrix x, int inputs, int first_row, Matrix y) {
  int row = first_row;
  for (; row + kRows <= x.rows; row += kRows) {
    int t = 0;
    for (; t + kTiles <= tiles; t += kTiles) {
      multiply_block<kRows, kTiles>(panel, t, x.row(row), x.stride, inputs, y.row(row) + t * kTileOutputs, y.stride);
    }
    for (; t < tiles; ++t) {
      multiply_block<kRows, 1>(panel, t, x.row(row), x.stride, inputs, y.row(row) + t * kTileOutputs, y.stride);
    }
  }
  return row;
}

// y [rows, tiles * 16], whole tiles. REQUIRES 1 <= tiles <= kPanelTiles.
template <class Tile>
inline void multiply_panel(const TiledWeights& weights, int first_tile, int tiles, ConstMatrix x, Matrix y) {
  Panel panel;
  for (int r = 0; r < y.rows; ++r) {
    for (int i = 0; i < tiles * kTileOutputs; ++i) y.row(r)[i] = 0;
  }
  for (int first = 0; first < weights.inputs; first += kPanelInputs) {
    const int inputs = weights.inputs - first < kPanelInputs ? weights.inputs - first : kPanelInputs;
    for (int t = 0; t < tiles; ++t) Tile::unpack(weights, first_tile + t, first, inputs, panel.values[t]);
    const ConstMatrix part(x.data + first, x.rows, inputs, x.stride);
    const int left = multiply_rows<kRowsAtOnce, kTilesAtOnce>(panel, tiles, part, inputs, 0, y);
    multiply_rows<1, kPanelTiles>(panel, tiles, part, inputs, left, y);
  }
}

constexpr int kEdgeRows = 32;

// The last tile, of which only some outputs exist: computed beside y, then copied.
template <class Tile>
inline void multiply_edge(const TiledWeights& weights, int tile, ConstMatrix x, Matrix y) {
  alignas(64) float whole[kEdgeRows * kTileOutputs];
  const int first_output = tile * kTileOutputs;
  for (int row = 0; row < x.rows; row += kEdgeRows) {
    const int rows = x.rows - row < kEdgeRows ? x.rows - row : kEdgeRows;
    multiply_panel<Tile>(weights, tile, 1, x.block(row, rows), Matrix(whole, rows, kTileOutputs));
    for (int r = 0; r < rows; ++r) {
      for (int i = first_output; i < weights.outputs; ++i) {
        y.row(row + r)[i] = whole[r * kTileOutputs + i - first_output];
      }
    }
  }
}

template <class Tile>
[[gnu::flatten]] void multiply_range(const TiledWeights& weights, ConstMatrix all_x, TileRange range, Matrix all_y) {
  const ConstMatrix x = all_x.block(range.first_row, range.end_row - range.first_row);
  const Matrix y = all_y.block(range.first_row, range.end_row - range.first_row);
  const int whole_tiles = weights.outputs / kTileOutputs;
  const int end = range.end_tile < whole_tiles ? range.end_tile : whole_tiles;
  for (int tile = range.first_tile; tile < end; tile += kPanelTiles) {
    const int tiles = end - tile < kPanelTiles ? end - tile : kPanelTiles;
    const Matrix part(y.data + tile * kTileOutputs, y.rows, tiles * kTileOutputs, y.stride);
    multiply_panel<Tile>(weights, tile, tiles, x, part);
  }
  if (end < range.end_tile) multiply_edge<Tile>(weights, end, x, y);
}

}  // namespace

void multiply_float(const TiledWeights& weights, ConstMatrix x, TileRange range, Matrix y) {
  switch (weights.form) {
    case WeightForm::kCodes4:
      return multiply_range<CodeTile<Codes<4, 8, false>>>(weights, x, range, y);
    case WeightForm::kCodes4Min:
      return multiply_range<CodeTile<Codes<4, 0, true>>>(weights, x, range, y);
    case WeightForm::kCodes8:
      return multiply_range<CodeTile<Codes<8, 128, false>>>(weights, x, range, y);
    case WeightForm::kCodes8Min:
      return multiply_range<CodeTile<Codes<8, 128, true>>>(weights, x, range, y);
    case WeightForm::kHalf:
      return multiply_range<ValueTile<HalfValues>>(weights, x, range, y);
    case WeightForm::kBfloat16:
      return multiply_range<ValueTile<Bfloat16Values>>(weights, x, range, y);
    case WeightForm::kFloat:
      return multiply_range<ValueTile<FloatValues>>(weights, x, range, y);
  }
}

}  // namespace leankv::LEANKV_ISA_NS
