#include "kv/significance.h"

#include <algorithm>
#include <array>
#include <cmath>

namespace leankv {
namespace {

constexpr int kHalfSteps = 2 * kLevelsPerOctave;

// 2^(j / 128) for j in [0, 128): the levels of one octave and, between them, where the nearest level changes. By
// repeated products of one literal, so that every compiler gets the same bits; the error is at most 128 roundings of
// double, far below one of float.
constexpr std::array<double, kHalfSteps> make_half_steps() {
  constexpr double kHalfStep = 1.005429901112802821;  // 2^(1/128)
  std::array<double, kHalfSteps> powers{};
  powers[0] = 1;
  for (int j = 1; j < kHalfSteps; ++j) powers[j] = powers[j - 1] * kHalfStep;
  return powers;
}
constexpr std::array<double, kHalfSteps> kPowers = make_half_steps();

// The powers of the levels themselves and of the borders between them, each ascending.
template <int kFirst>
constexpr std::array<float, kLevelsPerOctave> every_second_power() {
  std::array<float, kLevelsPerOctave> powers{};
  for (int j = 0; j < kLevelsPerOctave; ++j) powers[j] = float(kPowers[2 * j + kFirst]);
  return powers;
}
constexpr std::array<float, kLevelsPerOctave> kLevelPowers = every_second_power<0>();
constexpr std::array<float, kLevelsPerOctave> kBorderPowers = every_second_power<1>();

// The number of steps from 2^-56 that reaches `mean`, counting the powers of its octave that are not above it.
int steps_below(float mean, const std::array<float, kLevelsPerOctave>& powers) {
  int exponent = 0;
  const float mantissa = 2 * std::frexp(mean, &exponent);  // [1, 2)
  const auto above = std::upper_bound(powers.begin(), powers.end(), mantissa);
  return (exponent - 1 - kLowestOctave) * kLevelsPerOctave + int(above - powers.begin());
}

// The highest level whose mean is at most `mean`.
int level_below(float mean) {
  if (!(mean > 0)) return 0;
  if (std::isinf(mean)) return kSignificanceLevels - 1;
  return std::clamp(steps_below(mean, kLevelPowers) - 1, 0, kSignificanceLevels - 1);
}

}  // namespace

float level_mean(int level) {
  if (level <= 0) return 0;
  return std::ldexp(kLevelPowers[level % kLevelsPerOctave], level / kLevelsPerOctave + kLowestOctave);
}

int nearest_level(float mean) {
  if (!(mean > 0)) return 0;
  if (std::isinf(mean)) return kSignificanceLevels - 1;
  return std::clamp(steps_below(mean, kBorderPowers), 0, kSignificanceLevels - 1);
}

uint16_t encode_significance(float mean, int64_t queries) {
  return make_significance(nearest_level(mean), query_units(queries));
}

uint16_t update_significance(uint16_t bits, float observed, float weight, uint32_t dither) {
  const float mean = level_mean(significance_level(bits));
  const float target = mean + (observed - mean) * weight;
  int level = level_below(target);
  if (level + 1 < kSignificanceLevels) {
    // Up with the probability that makes the expected mean, not its logarithm, the target.
    const double low = level_mean(level);
    const double up = (double(target) - low) / (double(level_mean(level + 1)) - low);
    if (double(dither) < up * 4294967296.0) ++level;
  }
  return make_significance(level, units_or_pin(bits, significance_units(bits)));
}

}  // namespace leankv
