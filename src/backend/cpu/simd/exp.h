// exp(x) in f32 without branches or calls, so that the compiler turns a loop of it into vectors.
#pragma once

#include <bit>
#include <cstdint>

namespace leankv::LEANKV_ISA_NS {

// x is clamped to [-87, 88], where the result is a normal float. exp(x) = 2^n exp(r) with |r| <= ln(2) / 2 and exp(r)
// by its Taylor series to r^7, whose rest is below .3466^8 / 8! / exp(-.3466) < 8e-9; the roundings of Horner's rule
// dominate: less than 4 units of 2^-24 in all.
inline float exp_lane(float x) {
  constexpr float kLog2E = 1.44269504f;
  constexpr float kLn2High = 0.693359375f, kLn2Low = -2.12194440e-4f;  // n * high is exact for |n| < 2^14
  constexpr float kRounder = 12582912.0f;                              // 1.5 * 2^23: adding it rounds to an integer
  x = x < -87.0f ? -87.0f : x;
  x = x > 88.0f ? 88.0f : x;
  const float shifted = x * kLog2E + kRounder;
  const float n = shifted - kRounder;
  const float r = x - n * kLn2High - n * kLn2Low;
  float sum = 1.0f / 5040;
  sum = sum * r + 1.0f / 720;
  sum = sum * r + 1.0f / 120;
  sum = sum * r + 1.0f / 24;
  sum = sum * r + 1.0f / 6;
  sum = sum * r + 0.5f;
  sum = sum * r + 1.0f;
  sum = sum * r + 1.0f;
  const int32_t exponent = std::bit_cast<int32_t>(shifted) - std::bit_cast<int32_t>(kRounder) + 127;
  return sum * std::bit_cast<float>(exponent << 23);
}

}  // namespace leankv::LEANKV_ISA_NS
