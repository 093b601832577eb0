// Exhaustive: every 16-bit pattern, and every float where rounding changes direction.
#include "base/half.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>

namespace leankv {
namespace {

constexpr float kInfinity = std::numeric_limits<float>::infinity();

uint32_t bits_of(float value) { return std::bit_cast<uint32_t>(value); }

// IEEE 754: a number of `exponent` and `mantissa` fields with the given widths, computed with ldexp.
double decoded(uint32_t pattern, int exponent_bits, int mantissa_bits) {
  const int bias = (1 << (exponent_bits - 1)) - 1;
  const int exponent = int(pattern >> mantissa_bits) & ((1 << exponent_bits) - 1);
  const int mantissa = int(pattern & ((1u << mantissa_bits) - 1));
  const double sign = (pattern >> (exponent_bits + mantissa_bits)) & 1 ? -1.0 : 1.0;
  if (exponent == 0) return sign * std::ldexp(mantissa, 1 - bias - mantissa_bits);
  return sign * std::ldexp(mantissa + (1 << mantissa_bits), exponent - bias - mantissa_bits);
}

struct Format {
  int exponent_bits, mantissa_bits;
  uint16_t infinity;
  float (*to_float)(uint16_t);
  uint16_t (*from_float)(float);
};

class SixteenBits : public testing::TestWithParam<Format> {};

TEST_P(SixteenBits, EveryPatternDecodesToItsValue) {
  const Format& f = GetParam();
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    const uint32_t magnitude = pattern & 0x7fff;
    const float value = f.to_float(uint16_t(pattern));
    ASSERT_EQ(std::signbit(value), pattern > 0x7fff) << pattern;
    if (magnitude > f.infinity) {
      ASSERT_TRUE(std::isnan(value)) << pattern;
    } else if (magnitude == f.infinity) {
      ASSERT_EQ(std::fabs(value), kInfinity) << pattern;
    } else {
      ASSERT_EQ(double(value), decoded(pattern, f.exponent_bits, f.mantissa_bits)) << pattern;
    }
  }
}

TEST_P(SixteenBits, EveryPatternSurvivesTheRoundTrip) {
  const Format& f = GetParam();
  for (uint32_t pattern = 0; pattern < 0x10000; ++pattern) {
    const uint16_t back = f.from_float(f.to_float(uint16_t(pattern)));
    if ((pattern & 0x7fff) > f.infinity) {
      ASSERT_GT(back & 0x7fff, f.infinity) << pattern;  // NaN stays NaN
      ASSERT_EQ(back & 0x8000, int(pattern & 0x8000)) << pattern;
    } else {
      ASSERT_EQ(back, pattern);
    }
  }
}

// Rounding is monotonic, so the midpoint of each neighbouring pair and the floats next to it decide all others.
// The neighbour of the largest finite number is where the next exponent would begin: IEEE 754 rounds to infinity there.
TEST_P(SixteenBits, RoundsToNearestEven) {
  const Format& f = GetParam();
  for (uint16_t low = 0; low < f.infinity; ++low) {
    const uint16_t high = uint16_t(low + 1);
    const double midpoint =
        (decoded(low, f.exponent_bits, f.mantissa_bits) + decoded(high, f.exponent_bits, f.mantissa_bits)) / 2;
    const float middle = float(midpoint);
    ASSERT_EQ(double(middle), midpoint);  // one bit more than 16-bit patterns have: exact in a float
    const uint16_t even = low % 2 == 0 ? low : high;
    for (uint16_t sign : {uint16_t(0), uint16_t(0x8000)}) {
      const float s = sign == 0 ? 1.0f : -1.0f;
      ASSERT_EQ(f.from_float(s * middle), sign | even) << low;
      ASSERT_EQ(f.from_float(s * std::nextafter(middle, 0.0f)), sign | low) << low;
      ASSERT_EQ(f.from_float(s * std::nextafter(middle, kInfinity)), sign | high) << low;
    }
  }
}

TEST_P(SixteenBits, WhatIsTooLargeIsInfinity) {
  const Format& f = GetParam();
  EXPECT_EQ(f.from_float(std::numeric_limits<float>::max()), f.infinity);
  EXPECT_EQ(f.from_float(-kInfinity), f.infinity | 0x8000);
}

TEST_P(SixteenBits, EveryKindOfNanStaysOne) {
  const Format& f = GetParam();
  for (uint32_t payload : {0x1u, 0x200u, 0x1fffu, 0x2000u, 0x400000u, 0x7fffffu}) {
    for (uint32_t sign : {0u, 0x80000000u}) {
      const float nan = std::bit_cast<float>(sign | 0x7f800000u | payload);
      ASSERT_GT(f.from_float(nan) & 0x7fff, f.infinity) << payload;
    }
  }
}

INSTANTIATE_TEST_SUITE_P(Half, SixteenBits, testing::Values(Format{5, 10, 0x7c00, half_to_float, float_to_half}));
INSTANTIATE_TEST_SUITE_P(Bfloat16, SixteenBits,
                         testing::Values(Format{8, 7, 0x7f80, bfloat16_to_float, float_to_bfloat16}));

// Usable in constants, and exact there too.
static_assert(half_to_float(0x3555) == 0.333251953125f);
static_assert(float_to_half(1.0f / 3.0f) == 0x3555);
static_assert(float_to_bfloat16(3.14159274f) == 0x4049);

TEST(Half, ZeroKeepsItsSign) { EXPECT_EQ(bits_of(half_to_float(0x8000)), 0x80000000u); }

}  // namespace
}  // namespace leankv
