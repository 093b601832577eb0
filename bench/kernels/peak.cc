#include "kernels/peak.h"

#include <chrono>
#include <cstdint>
#include <vector>

#include "base/isa.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace leankv {
namespace {

constexpr int kTurns = 200000;  // about a millisecond

#if defined(__x86_64__)

// Each returns a value that depends on all of its work, and counts multiplications and additions alike.
struct Loop {
  double operations_per_turn;
  int (*run)(int turns);
};

constexpr int kChains = 12;  // independent sums: more than latency times instructions per cycle

__attribute__((target("avx512f,avx512vnni"))) int vnni512(int turns) {
  __m512i sums[kChains], a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  for (__m512i& s : sums) s = _mm512_setzero_si512();
  for (int i = 0; i < turns; ++i) {
    for (__m512i& s : sums) s = _mm512_dpbusd_epi32(s, a, b);
    asm volatile("" : "+v"(a));  // the products are not known beforehand
  }
  int total = 0;
  for (const __m512i& s : sums) total += _mm512_reduce_add_epi32(s);
  return total;
}

__attribute__((target("avx2,avxvnni"))) int vnni256(int turns) {
  __m256i sums[kChains], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  for (__m256i& s : sums) s = _mm256_setzero_si256();
  for (int i = 0; i < turns; ++i) {
    for (__m256i& s : sums) s = _mm256_dpbusd_avx_epi32(s, a, b);
    asm volatile("" : "+x"(a));
  }
  int total = 0;
  for (const __m256i& s : sums) total += _mm256_extract_epi32(s, 0);
  return total;
}

__attribute__((target("avx2"))) int avx2(int turns) {
  __m256i sums[kChains], a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (__m256i& s : sums) s = _mm256_setzero_si256();
  for (int i = 0; i < turns; ++i) {
    for (__m256i& s : sums) s = _mm256_add_epi32(s, _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
    asm volatile("" : "+x"(a));
  }
  int total = 0;
  for (const __m256i& s : sums) total += _mm256_extract_epi32(s, 0);
  return total;
}

struct TileConfig {  // Intel's Architecture Instruction Set Extensions, section on LDTILECFG
  uint8_t palette = 1, start_row = 0, reserved[14] = {};
  uint16_t row_bytes[16] = {};
  uint8_t rows[16] = {};
};

__attribute__((target("amx-tile,amx-int8"))) int amx(int turns) {
  alignas(64) TileConfig config;
  for (int i = 0; i < 8; ++i) config.row_bytes[i] = 64, config.rows[i] = 16;
  _tile_loadconfig(&config);
  _tile_zero(0);
  _tile_zero(1);
  _tile_zero(2);
  _tile_zero(3);
  _tile_zero(4);
  _tile_zero(5);
  _tile_zero(6);
  _tile_zero(7);
  for (int i = 0; i < turns; ++i) {
    _tile_dpbusd(0, 6, 7);
    _tile_dpbusd(1, 6, 7);
    _tile_dpbusd(2, 6, 7);
    _tile_dpbusd(3, 6, 7);
  }
  alignas(64) int first[256];
  _tile_stored(0, first, 64);
  _tile_release();
  return first[0];
}

Loop best_loop() {
  switch (best_isa()) {
    case Isa::kAmx:
      return {4 * 2.0 * 16 * 16 * 64, amx};
    case Isa::kAvx512Vnni:
      return {kChains * 2.0 * 64, vnni512};
    case Isa::kAvxVnni:
      return {kChains * 2.0 * 32, vnni256};
    default:
      return {kChains * 2.0 * 32, avx2};
  }
}

#endif

}  // namespace

double measure_int8_peak([[maybe_unused]] ThreadPool& threads) {
#if defined(__x86_64__)
  if (best_isa() == Isa::kScalar) return 0;
  constexpr int kPasses = 5;
  const Loop loop = best_loop();
  std::vector<int> results(std::size_t(threads.size()));
  double best = 0;
  for (int pass = 0; pass < kPasses; ++pass) {
    const auto begin = std::chrono::steady_clock::now();
    threads.run(threads.size(), [&](int task, int) { results[std::size_t(task)] = loop.run(kTurns); });
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - begin;
    best = std::max(best, loop.operations_per_turn * kTurns * threads.size() / seconds.count());
  }
  volatile int kept = results.front();
  static_cast<void>(kept);
  return best;
#else
  return 0;
#endif
}

}  // namespace leankv
