// Tiles in plain loops, for tests. See tiles/README.md for what each member means.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leankv::LEANKV_ISA_NS {

class Tiles {
 public:
  Tiles() = default;
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int g>
  void load_rows(const int8_t* x, std::ptrdiff_t stride) {
    for (int i = 0; i < 16 * 32; ++i) rows_[g][i] = x[i / 32 * stride + i % 32];
  }
  template <int t>
  void load_codes(const uint8_t* codes) {
    for (int i = 0; i < 8 * 64; ++i) codes_[t][i] = codes[i];
  }
  template <int g, int t>
  void clear() {
    for (int32_t& sum : sums_[g][t]) sum = 0;
  }
  // sums[row][output] += rows[row][input] * codes[input / 4][output][input % 4]
  template <int g, int t>
  void add_products() {
    for (int row = 0; row < 16; ++row) {
      for (int output = 0; output < 16; ++output) {
        for (int input = 0; input < 32; ++input) {
          const int code = codes_[t][input / 4 * 64 + output * 4 + input % 4];
          sums_[g][t][row * 16 + output] += rows_[g][row * 32 + input] * code;
        }
      }
    }
  }
  template <int g, int t>
  void store(int32_t* to) {
    for (int i = 0; i < 16 * 16; ++i) to[i] = sums_[g][t][i];
  }

 private:
  int8_t rows_[2][16 * 32] = {};
  uint8_t codes_[2][8 * 64] = {};
  int32_t sums_[2][2][16 * 16] = {};
};

}  // namespace leankv::LEANKV_ISA_NS
