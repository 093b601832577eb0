// Tiles in AMX. See tiles/README.md for what each member means.
#pragma once

#include <immintrin.h>

#include <cstddef>
#include <cstdint>

namespace leankv::LEANKV_ISA_NS {

// The operand of LDTILECFG (Intel's manual, volume 1, 18.3.1).
struct alignas(64) TileConfig {
  uint8_t palette = 1, start_row = 0;
  uint8_t reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};
static_assert(sizeof(TileConfig) == 64);

constexpr TileConfig tile_config() {
  TileConfig config;
  for (int i = 0; i < 4; ++i) config.rows[i] = 16, config.row_bytes[i] = 64;
  for (int i = 4; i < 6; ++i) config.rows[i] = 16, config.row_bytes[i] = 32;
  for (int i = 6; i < 8; ++i) config.rows[i] = 8, config.row_bytes[i] = 64;
  return config;
}
constexpr TileConfig kTileConfig = tile_config();

// GCC's intrinsics do not say that a load reads memory: what was written before must be there.
inline void finish_writes() { __asm__ volatile("" : : : "memory"); }

// Registers: sums in 0 to 3, rows in 4 and 5, codes in 6 and 7. The intrinsics take their numbers as literals.
class Tiles {
 public:
  Tiles() { _tile_loadconfig(&kTileConfig); }
  ~Tiles() { _tile_release(); }
  Tiles(const Tiles&) = delete;
  Tiles& operator=(const Tiles&) = delete;

  template <int g>
  void load_rows(const int8_t* x, std::ptrdiff_t stride) {
    finish_writes();
    if constexpr (g == 0) _tile_loadd(4, x, stride);
    if constexpr (g == 1) _tile_loadd(5, x, stride);
  }
  template <int t>
  void load_codes(const uint8_t* codes) {
    finish_writes();
    if constexpr (t == 0) _tile_loadd(6, codes, 64);
    if constexpr (t == 1) _tile_loadd(7, codes, 64);
  }
  template <int g, int t>
  void clear() {
    if constexpr (g == 0 && t == 0) _tile_zero(0);
    if constexpr (g == 0 && t == 1) _tile_zero(1);
    if constexpr (g == 1 && t == 0) _tile_zero(2);
    if constexpr (g == 1 && t == 1) _tile_zero(3);
  }
  template <int g, int t>
  void add_products() {
    if constexpr (g == 0 && t == 0) _tile_dpbsud(0, 4, 6);
    if constexpr (g == 0 && t == 1) _tile_dpbsud(1, 4, 7);
    if constexpr (g == 1 && t == 0) _tile_dpbsud(2, 5, 6);
    if constexpr (g == 1 && t == 1) _tile_dpbsud(3, 5, 7);
  }
  template <int g, int t>
  void store(int32_t* to) {
    if constexpr (g == 0 && t == 0) _tile_stored(0, to, 64);
    if constexpr (g == 0 && t == 1) _tile_stored(1, to, 64);
    if constexpr (g == 1 && t == 0) _tile_stored(2, to, 64);
    if constexpr (g == 1 && t == 1) _tile_stored(3, to, 64);
  }
};

}  // namespace leankv::LEANKV_ISA_NS
