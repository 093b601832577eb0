// Logarithm and power in double precision by additions, products and divisions alone, in one written order: equal on
// every machine and device, where the maths libraries are not. Within a few units in the last place.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "base/host_device.h"

namespace leankv {

// Natural logarithm of the mantissa of x, in [sqrt(1/2), sqrt(2)), and the exponent that goes with it.
struct LogParts {
  double log_mantissa;
  int exponent;
};

// REQUIRES x > 0, finite and normal. ln m = 2 atanh s with s = (m - 1) / (m + 1), |s| <= 0.172: terms up to s^23.
LEANKV_HD constexpr LogParts log_parts(double x) {
  const uint64_t bits = std::bit_cast<uint64_t>(x);
  int exponent = int(bits >> 52) - 1023;
  double m = std::bit_cast<double>((bits & 0xfffffffffffffu) | 0x3ff0000000000000u);
  if (m > 1.4142135623730951) m /= 2, ++exponent;
  const double s = (m - 1) / (m + 1), square = s * s;
  double sum = 0;
  for (int k = 23; k >= 1; k -= 2) sum = sum * square + 1.0 / k;
  return {2 * s * sum, exponent};
}

inline constexpr double kLn2 = 0.69314718055994531, kLn10 = 2.3025850929940457;

LEANKV_HD constexpr double exact_log(double x) {
  if (!(x >= std::numeric_limits<double>::min())) {  // 0 and what is as good as 0
    return x >= 0 ? -std::numeric_limits<double>::infinity() : std::numeric_limits<double>::quiet_NaN();
  }
  if (x > std::numeric_limits<double>::max()) return x;
  const LogParts parts = log_parts(x);
  return parts.exponent * kLn2 + parts.log_mantissa;
}
LEANKV_HD constexpr double exact_log10(double x) { return exact_log(x) / kLn10; }

// 2^x. REQUIRES -1000 < x < 1000. The fraction f in [-1/2, 1/2] by the series of exp(f ln 2) up to the 17th power.
LEANKV_HD constexpr double exact_exp2(double x) {
  const int whole = int(x + (x >= 0 ? 0.5 : -0.5));
  const double y = (x - whole) * kLn2;
  double sum = 1;
  for (int k = 17; k >= 1; --k) sum = 1 + sum * y / k;
  return sum * std::bit_cast<double>(uint64_t(whole + 1023) << 52);
}

// x^y for x >= 0, y in [0, 1].
LEANKV_HD constexpr double exact_power(double x, double y) {
  if (y == 0) return 1;
  if (y == 1 || x == 0) return x;
  return exact_exp2(exact_log(x) * y / kLn2);
}

}  // namespace leankv
