// How much a token was attended to: one number per (layer, KV head, token), kept in two bytes beside the token's row.
//
//   A[t] = sum over the group's query heads of the mean over queries of a[q, t]^2        (forecast policy)
//   A[t] = mean over queries of the maximum over the group's query heads of a[q, t]      (paper policy)
//
// Bits 4..15: log2 A in steps of 1/64 octave from 2^-56 (level 0: no attention seen); bits 0..3: how many queries have
// seen the token, in units of 64, saturating at 8, or kPinned.
#pragma once

#include <cstdint>

#include "base/host_device.h"

namespace leankv {

inline constexpr int kSignificanceLevels = 4096;
inline constexpr int kLevelsPerOctave = 64;
inline constexpr int kLowestOctave = -56;
inline constexpr int kQueryUnit = 64;
inline constexpr int kMaxQueryUnits = 8;
inline constexpr int kPinned = 15;  // in the place of the units: never pruned, counts as kMaxQueryUnits

LEANKV_HD constexpr int significance_level(uint16_t bits) { return bits >> 4; }
LEANKV_HD constexpr bool is_pinned(uint16_t bits) { return (bits & 15) == kPinned; }
LEANKV_HD constexpr int significance_units(uint16_t bits) { return is_pinned(bits) ? kMaxQueryUnits : bits & 15; }
LEANKV_HD constexpr uint16_t make_significance(int level, int units) { return uint16_t(level << 4 | units); }
// The units of a token whose pin, if it has one, stays.
LEANKV_HD constexpr int units_or_pin(uint16_t bits, int units) { return is_pinned(bits) ? kPinned : units; }

// log2 of the mean that a level stands for.
LEANKV_HD constexpr double level_log2(int level) { return double(level) / kLevelsPerOctave + kLowestOctave; }
// Both by one table and the exponent, without the maths library: equal on every machine. REQUIRES a level in range.
float level_mean(int level);    // 2^level_log2(level); 0 for level 0
int nearest_level(float mean);  // nearest in log2, of a mean >= 0, in [0, kSignificanceLevels)
// Units of a token that `queries` have seen.
LEANKV_HD constexpr int query_units(int64_t queries) {
  return int(queries / kQueryUnit < kMaxQueryUnits ? queries / kQueryUnit : kMaxQueryUnits);
}

// One more observation: mean := mean + (observed - mean) * weight, rounded to one of the two levels around it by the
// dither (its upper 24 bits / 2^24 is uniform in [0, 1)) so that the expected mean is exact, however small the change;
// above the highest level it saturates. Units stay. weight in (0, 1].
uint16_t update_significance(uint16_t bits, float observed, float weight, uint32_t dither);

// What some tokens of one head were observed by, in one step.
struct ObservedQueries {
  int rows = 0;                    // of them
  float weight[16] = {};           // of their mean in the running one, by the token's units (bits 0..3)
  const float* weights = nullptr;  // instead, if not null: of each token
  uint32_t where = 0;              // mixed into the dither
  int first_token = 0;
};
// update_significance of n tokens; observed [n] summed over the rows. Kernels give the same bytes.
void update_significances(uint16_t* bits, int n, const float* observed, const ObservedQueries& queries);
using UpdateSignificances = void (*)(uint16_t* bits, int n, const float* observed, const ObservedQueries& queries);

}  // namespace leankv
