#include "backend/cpu/kernels/linear_codes.h"
#include "backend/cpu/kernels/linear_functions.h"

namespace leankv::LEANKV_ISA_NS {
namespace {

constexpr int kRowsAtOnce = kLanes == 16 ? 8 : 4;  // rows of x that share one unpacking of the codes

// The dot product of a block, an exact integer: at most 255 * kLargestInt16 * 32 < 2^28.
template <class Form, int kHalves>
inline Ints dot_block(const BlockCodes& weights, const int8_t* x, int32_t total) {
  Ints sum = broadcast_int(-Form::kZero * total);
  if constexpr (kHalves == 2) {
    Ints high = broadcast_int(0);
    for (int g = 0; g < kBlockGroups; ++g) high = dot<Form::kBits>(high, weights.group[g], broadcast_4(x + 4 * g));
    sum = add(sum, shift_left<8>(high));
    x += kBlockInputs;
  }
  for (int g = 0; g < kBlockGroups; ++g) sum = dot<Form::kBits>(sum, weights.group[g], broadcast_4(x + 4 * g));
  return sum;
}

// y of kRows rows of x for one vector of outputs; out [kRows][kTileOutputs] points at the vector's first output.
template <class Form, int kHalves, int kRows>
inline void multiply_rows(const TiledWeights& weights, int tile, int part, const QuantisedActivations& x, int row,
                          float* out) {
  Floats sum[kRows];
  for (int r = 0; r < kRows; ++r) sum[r] = broadcast(0.0f);
  for (int b = 0; b < x.blocks; ++b) {
    const int64_t block = int64_t(tile) * x.blocks + b;
    const BlockCodes codes = load_codes<Form>(weights.codes + block * Form::kBlockBytes, part);
    const int64_t first = block * kTileOutputs + part * kLanes;
    const Floats scale = load_half(weights.scales + first);
    for (int r = 0; r < kRows; ++r) {
      const int64_t at = int64_t(row + r) * x.blocks + b;
      const ActivationBlock& stats = x.stats[at];
      const Ints dot = dot_block<Form, kHalves>(codes, x.codes + at * kHalves * kBlockInputs, stats.total);
      sum[r] = fma(scale, mul(broadcast(stats.scale), to_float(dot)), sum[r]);
      if constexpr (Form::kHasMins) sum[r] = fma(load_half(weights.mins + first), broadcast(stats.sum), sum[r]);
    }
  }
  for (int r = 0; r < kRows; ++r) store(out + r * kTileOutputs, sum[r]);
}

template <class Form, int kHalves, int kRows>
inline void multiply_tile(const TiledWeights& weights, int tile, const QuantisedActivations& x, int row, Matrix y) {
  float out[kRows * kTileOutputs];
  for (int part = 0; part < kParts; ++part) {
    multiply_rows<Form, kHalves, kRows>(weights, tile, part, x, row, out + part * kLanes);
  }
  const int first = tile * kTileOutputs;
  const int outputs = weights.outputs - first < kTileOutputs ? weights.outputs - first : kTileOutputs;
  for (int r = 0; r < kRows; ++r) {
    for (int i = 0; i < outputs; ++i) y.row(row + r)[first + i] = out[r * kTileOutputs + i];
  }
}

template <class Form, int kHalves>
[[gnu::flatten]] void multiply_range(const TiledWeights& weights, const QuantisedActivations& x, TileRange range,
                                     Matrix y) {
  for (int tile = range.first_tile; tile < range.end_tile; ++tile) {
    int row = range.first_row;
    for (; row + kRowsAtOnce <= range.end_row; row += kRowsAtOnce) {
      multiply_tile<Form, kHalves, kRowsAtOnce>(weights, tile, x, row, y);
    }
    for (; row < range.end_row; ++row) multiply_tile<Form, kHalves, 1>(weights, tile, x, row, y);
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
}

}  // namespace leankv::LEANKV_ISA_NS
