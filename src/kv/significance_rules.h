// The arithmetic of stored significance (significance.h), for host and device alike.
#pragma once

#include <bit>
#include <cstdint>

#include "kv/significance.h"

namespace leankv {

// 2^(j / 128) for j in [0, 128): the levels of one octave and, between them, where the nearest level changes. By
// repeated products of one literal, so that every compiler gets the same bits; the error is at most 128 roundings of
// double, far below one of float.
struct LevelPowers {
  float level[kLevelsPerOctave] = {};  // each ascending
  float border[kLevelsPerOctave] = {};
  constexpr LevelPowers() {
    constexpr double kHalfStep = 1.005429901112802821;  // 2^(1/128)
    double power = 1;
    for (int j = 0; j < kLevelsPerOctave; ++j) {
      level[j] = float(power);
      power *= kHalfStep;
      border[j] = float(power);
      power *= kHalfStep;
    }
  }
};
LEANKV_HD inline const LevelPowers& level_powers() {
  static constexpr LevelPowers kPowers;
  return kPowers;
}

// The number of steps from 2^-56 that reaches `mean`, counting the powers of its octave that are not above it.
LEANKV_HD inline int steps_below(float mean, const float (&powers)[kLevelsPerOctave]) {
  const uint32_t bits = std::bit_cast<uint32_t>(mean);
  const float mantissa = std::bit_cast<float>((bits & 0x7fffffu) | 0x3f800000u);  // [1, 2)
  int not_above = 0;
  for (int step = kLevelsPerOctave; step > 0; step /= 2) {
    if (not_above + step <= kLevelsPerOctave && powers[not_above + step - 1] <= mantissa) not_above += step;
  }
  return (int(bits >> 23) - 127 - kLowestOctave) * kLevelsPerOctave + not_above;
}
LEANKV_HD constexpr int clamped_level(int level) {
  return level < 0 ? 0 : level < kSignificanceLevels ? level : kSignificanceLevels - 1;
}

// The highest level whose mean is at most `mean`. Infinity has the exponent of a very large number.
LEANKV_HD inline int level_below(float mean) {
  return mean > 0 ? clamped_level(steps_below(mean, level_powers().level) - 1) : 0;
}
LEANKV_HD inline int level_nearest(float mean) {
  return mean > 0 ? clamped_level(steps_below(mean, level_powers().border)) : 0;
}
LEANKV_HD inline float mean_of_level(int level) {
  if (level <= 0) return 0;
  const uint32_t mantissa = std::bit_cast<uint32_t>(level_powers().level[level % kLevelsPerOctave]);
  return std::bit_cast<float>(mantissa + (uint32_t(level / kLevelsPerOctave + kLowestOctave) << 23));
}

LEANKV_HD inline uint16_t significance_after(uint16_t bits, float observed, float weight, uint32_t dither) {
  const float mean = mean_of_level(significance_level(bits));
  const float target = mean + (observed - mean) * weight;
  int level = level_below(target);
  if (level + 1 < kSignificanceLevels) {
    // Up with the probability that makes the expected mean, not its logarithm, the target.
    // In f32 operations that round once each, so that vectors give the same bits.
    const float low = mean_of_level(level), share = (target - low) / (mean_of_level(level + 1) - low);
    if (float(dither >> 8) * 0x1p-24f < share) ++level;
  }
  return make_significance(level, units_or_pin(bits, significance_units(bits)));
}

inline constexpr uint32_t kDitherOfToken = 0xc2b2ae3du, kDitherFirst = 0x2c1b3c6du, kDitherSecond = 0x297a2d39u;
// A hash of where and when, so that rounding is unbiased yet the same on every machine.
LEANKV_HD inline uint32_t significance_dither(uint32_t where, uint32_t token) {
  uint32_t h = where ^ token * kDitherOfToken;
  h = (h ^ (h >> 15)) * kDitherFirst;
  h = (h ^ (h >> 12)) * kDitherSecond;
  return h ^ (h >> 15);
}

}  // namespace leankv
