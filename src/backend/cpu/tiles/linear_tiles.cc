// LEANKV_ISA and LEANKV_SIMD_HEADER are those of the instruction set that scales the tiles' sums; its kernels compute
// what is left over.
#include "backend/cpu/tiles/linear_tiles.h"

#include LEANKV_TILES_HEADER

#include "backend/cpu/kernels/linear_codes.h"

namespace leankv::LEANKV_ISA_NS {
void multiply_in_tiles(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y);

namespace {

constexpr int kGroupRows = 16;  // rows of x in a tile
constexpr int kMostGroups = 2, kMostTiles = 2;

// What one call of multiply_square computes: kGroups * 16 rows by kTiles * 16 outputs.
struct Square {
  const TiledWeights& weights;
  const QuantisedActivations& x;
  int tile, row;
};

struct Scratch {
  alignas(64) uint8_t codes[kMostTiles][kBlockInputs * kTileOutputs];               // as in an 8-bit block
  alignas(64) int32_t dots[2][kMostGroups][kMostTiles][kGroupRows * kTileOutputs];  // [halves]
  alignas(64) float sums[kMostGroups * kGroupRows][kMostTiles * kTileOutputs];
};

// A block's codes as bytes: those of 8 bits where they lie, those of 4 bits unpacked to `unpacked`.
template <class Form>
inline const uint8_t* byte_codes(const TiledWeights& weights, int64_t block, uint8_t* unpacked) {
  const uint8_t* packed = weights.codes + block * Form::kBlockBytes;
  if constexpr (Form::kBits == 8) return packed;
  for (int part = 0; part < kParts; ++part) {
    const BlockCodes codes = load_codes<Form>(packed, part);
    for (int g = 0; g < kBlockGroups; ++g) store_bytes(unpacked + (g * kParts + part) * kLanes * 4, codes.group[g]);
  }
  return unpacked;
}

template <int kGroups, int kTiles>
inline void multiply_half(Tiles& tiles, const int8_t* x, std::ptrdiff_t x_row, Scratch& scratch, int half) {
  tiles.load_rows<0>(x, x_row);
  if constexpr (kGroups == 2) tiles.load_rows<1>(x + kGroupRows * x_row, x_row);
  const auto each = [&]<int g, int t>() {
    tiles.clear<g, t>();
    tiles.add_products<g, t>();
    tiles.store<g, t>(scratch.dots[half][g][t]);
  };
  each.template operator()<0, 0>();
  if constexpr (kTiles == 2) each.template operator()<0, 1>();
  if constexpr (kGroups == 2) each.template operator()<1, 0>();
  if constexpr (kGroups == 2 && kTiles == 2) each.template operator()<1, 1>();
}

// sums += scale_w * (scale_x * dot) + min_w * sum_x of one block, as in kernels/linear_quantised.cc.
template <class Form, int kHalves, int kGroups, int kTiles>
inline void add_scaled(const Square& s, int block, Scratch& scratch) {
  for (int v = 0; v < kTiles * kParts; ++v) {
    const int t = v / kParts, part = v % kParts * kLanes;
    const int64_t first = (int64_t(s.tile + t) * s.x.blocks + block) * kTileOutputs + part;
    const Floats scale = load_half(s.weights.scales + first);
    Floats min = scale;
    if constexpr (Form::kHasMins) min = load_half(s.weights.mins + first);
    for (int r = 0; r < kGroups * kGroupRows; ++r) {
      const ActivationBlock& x = s.x.stats[int64_t(s.row + r) * s.x.blocks + block];
      const int at = r % kGroupRows * kTileOutputs + part;
      Ints dot = load_ints(scratch.dots[0][r / kGroupRows][t] + at);
      if constexpr (kHalves == 2) {
        dot = add(shift_left<8>(dot), load_ints(scratch.dots[1][r / kGroupRows][t] + at));
      }
      if constexpr (Form::kZero != 0) dot = add(dot, broadcast_int(-Form::kZero * x.total));
      float* to = scratch.sums[r] + v * kLanes;
      Floats sum = fma(scale, mul(broadcast(x.scale), to_float(dot)), load(to));
      if constexpr (Form::kHasMins) sum = fma(min, broadcast(x.sum), sum);
      store(to, sum);
    }
  }
}

template <class Form, int kHalves, int kGroups, int kTiles>
inline void multiply_square(Tiles& tiles, const Square& s, Matrix y) {
  Scratch scratch;
  for (auto& row : scratch.sums) {
    for (float& sum : row) sum = 0;
  }
  const std::ptrdiff_t x_row = std::ptrdiff_t(s.x.blocks) * kHalves * kBlockInputs;
  const int8_t* x = s.x.codes + s.row * x_row;
  for (int b = 0; b < s.x.blocks; ++b, x += kHalves * kBlockInputs) {
    const int64_t block = int64_t(s.tile) * s.x.blocks + b;
    tiles.load_codes<0>(byte_codes<Form>(s.weights, block, scratch.codes[0]));
    if constexpr (kTiles == 2) {
      tiles.load_codes<1>(byte_codes<Form>(s.weights, block + s.x.blocks, scratch.codes[1]));
    }
    multiply_half<kGroups, kTiles>(tiles, x, x_row, scratch, 0);
    if constexpr (kHalves == 2) multiply_half<kGroups, kTiles>(tiles, x + kBlockInputs, x_row, scratch, 1);
    add_scaled<Form, kHalves, kGroups, kTiles>(s, b, scratch);
  }
  const int first = s.tile * kTileOutputs;
  const int outputs =
      s.weights.outputs - first < kTiles * kTileOutputs ? s.weights.outputs - first : kTiles * kTileOutputs;
  for (int r = 0; r < kGroups * kGroupRows; ++r) {
    for (int i = 0; i < outputs; ++i) y.row(s.row + r)[first + i] = scratch.sums[r][i];
  }
}

template <class Form, int kHalves, int kTiles>
inline void multiply_rows(Tiles& tiles, Square s, int end_row, Matrix y) {
  for (; s.row + 2 * kGroupRows <= end_row; s.row += 2 * kGroupRows) {
    multiply_square<Form, kHalves, 2, kTiles>(tiles, s, y);
  }
  if (s.row < end_row) multiply_square<Form, kHalves, 1, kTiles>(tiles, s, y);
}

// REQUIRES the range's rows are a multiple of kGroupRows.
template <class Form, int kHalves>
[[gnu::flatten]] void multiply_range(const TiledWeights& weights, const QuantisedActivations& x, TileRange range,
                                     Matrix y) {
  Tiles tiles;
  int tile = range.first_tile;
  for (; tile + 2 <= range.end_tile; tile += 2) {
    multiply_rows<Form, kHalves, 2>(tiles, {weights, x, tile, range.first_row}, range.end_row, y);
  }
  if (tile < range.end_tile) {
    multiply_rows<Form, kHalves, 1>(tiles, {weights, x, tile, range.first_row}, range.end_row, y);
  }
}

template <class Form>
void multiply_form(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y) {
  x.halves == 1 ? multiply_range<Form, 1>(weights, x, range, y) : multiply_range<Form, 2>(weights, x, range, y);
}

}  // namespace

void multiply_in_tiles(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y) {
  const int rows = range.end_row - range.first_row;
  TileRange whole = range, rest = range;
  whole.end_row = rest.first_row = range.first_row + rows / kGroupRows * kGroupRows;
  if (whole.first_row < whole.end_row) {
    if (weights.form == WeightForm::kCodes4) multiply_form<Codes<4, 8, false>>(weights, x, whole, y);
    if (weights.form == WeightForm::kCodes4Min) multiply_form<Codes<4, 0, true>>(weights, x, whole, y);
    if (weights.form == WeightForm::kCodes8) multiply_form<Codes<8, 128, false>>(weights, x, whole, y);
    if (weights.form == WeightForm::kCodes8Min) multiply_form<Codes<8, 128, true>>(weights, x, whole, y);
  }
  if (rest.first_row < rest.end_row) linear_kernels(ThisIsa{}).multiply_quantised(weights, x, rest, y);
}

}  // namespace leankv::LEANKV_ISA_NS
