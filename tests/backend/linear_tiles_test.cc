// The kernel in matrix tiles, over emulated tiles: the same bits as the kernels of the verbs it is compiled with.
#include "backend/cpu/tiles/linear_tiles.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "backend/cpu/packed_weights.h"
#include "backend/dense_ops_test_data.h"

namespace leankv {

using Multiply = void (*)(const TiledWeights&, const QuantisedActivations&, TileRange, Matrix);

namespace tiles_over_scalar {
void multiply_in_tiles(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y);
}
#if defined(__x86_64__)
namespace tiles_over_avx512vnni {
void multiply_in_tiles(const TiledWeights& weights, const QuantisedActivations& x, TileRange range, Matrix y);
}
#endif

namespace testing {
namespace {

struct Variant {
  Isa verbs;
  Multiply multiply;
};

// Where the machine has AMX, the hardware too.
std::vector<Variant> variants() {
  std::vector<Variant> all = {{Isa::kScalar, tiles_over_scalar::multiply_in_tiles}};
#if defined(__x86_64__)
  for (const Isa isa : available_isas()) {
    if (isa == Isa::kAvx512Vnni) all.push_back({isa, tiles_over_avx512vnni::multiply_in_tiles});
    if (isa == Isa::kAmx) all.push_back({isa, amx::multiply_in_tiles});
  }
#endif
  return all;
}

class LinearTiles : public ::testing::TestWithParam<WeightType> {
 protected:
  // Rows [first, end) of 100, of which the last 3 belong to nobody.
  void expect_same_bits(int outputs, int columns, int halves, int first, int end) {
    const Weights weights = random_weights(GetParam(), outputs, columns, unsigned(outputs + columns));
    WeightMemory memory;
    CpuPackedWeights packed(weights.view, memory);
    for (int tile = 0; tile < packed.tiles(); ++tile) packed.pack_tile(weights.view, tile);
    const Values x = random_values(100, columns, unsigned(halves), 3);
    const int blocks = columns / kBlockInputs;
    std::vector<int8_t> codes(size_t(100 * columns * halves));
    std::vector<ActivationBlock> stats(size_t(100 * blocks));
    for (const Variant& variant : variants()) {
      const LinearKernels& kernels = linear_kernels(variant.verbs == Isa::kAmx ? Isa::kAvx512Vnni : variant.verbs);
      for (int row = 0; row < 100; ++row) {
        kernels.quantise_row(x.matrix().row(row), blocks, halves, &codes[size_t(row * columns * halves)],
                             &stats[size_t(row * blocks)]);
      }
      const QuantisedActivations quantised{blocks, halves, codes.data(), stats.data()};
      Values expected(100, outputs, 5), y(100, outputs, 5);
      std::ranges::fill(expected.data, 7.0f), std::ranges::fill(y.data, 7.0f);
      kernels.multiply_quantised(packed.view(), quantised, {0, packed.tiles(), first, end}, expected.matrix());
      variant.multiply(packed.view(), quantised, {0, packed.tiles(), first, end}, y.matrix());
      ASSERT_EQ(y.data, expected.data) << isa_name(variant.verbs);
    }
  }
};

TEST_P(LinearTiles, GiveTheSameBits) {
  for (int outputs : {16, 17, 32, 40, 96}) {
    for (int columns : {32, 96, 576}) {
      for (int halves : {1, 2}) {
        SCOPED_TRACE(std::to_string(outputs) + " x " + std::to_string(columns) + ", " + std::to_string(halves));
        expect_same_bits(outputs, columns, halves, 0, 64);
        if (HasFatalFailure()) return;
      }
    }
  }
}

TEST_P(LinearTiles, TakeAnyRowsAndLeaveTheOthersAlone) {
  for (const auto& [first, end] : {std::pair{0, 1}, {0, 16}, {3, 19}, {5, 37}, {1, 48}, {50, 97}, {4, 4}}) {
    SCOPED_TRACE(std::to_string(first) + " to " + std::to_string(end));
    expect_same_bits(48, 64, 2, first, end);
    expect_same_bits(33, 64, 1, first, end);
    if (HasFatalFailure()) return;
  }
}

INSTANTIATE_TEST_SUITE_P(Formats, LinearTiles,
                         ::testing::Values(WeightType::kQ4_0, WeightType::kQ4_1, WeightType::kQ8_0, WeightType::kQ5_1));

}  // namespace
}  // namespace testing
}  // namespace leankv
