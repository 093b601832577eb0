// Sum of squares of a row in double precision.
#pragma once

namespace leankv {

// In 8 running sums, which compilers make vectors of.
inline double energy_of(const float* x, int n) {
  constexpr int kSums = 8;
  double sum[kSums] = {};
  int c = 0;
  for (; c + kSums <= n; c += kSums) {
    for (int l = 0; l < kSums; ++l) sum[l] += double(x[c + l]) * double(x[c + l]);
  }
  for (; c < n; ++c) sum[0] += double(x[c]) * double(x[c]);
  return ((sum[0] + sum[4]) + (sum[2] + sum[6])) + ((sum[1] + sum[5]) + (sum[3] + sum[7]));
}

}  // namespace leankv
