// Products of a prompt's attention in 16-bit integers that are added by two: twice as many at once as f32.
//
// A row x becomes unit * code, rounded to the nearest code. Units are such that no sum leaves 32 bits: the codes of a
// query or key have a length of at most kLongestRow, so by Cauchy and Schwarz two of them a product below 2^31; those
// of values are at most kLargestValue, and the codes of the weights that meet them add up to at most kLargestWeights.
// A unit depends on its own row alone (that of weights on those of the tokens they are of), so no result depends on
// what is computed beside it.
#pragma once

#include <cstddef>
#include <cstdint>

namespace leankv {

inline constexpr float kSmallestUnit = 1e-30f;  // its inverse is finite
inline constexpr float kLargestNumber = 32767;
inline constexpr float kLongestRow = 46324;       // and sqrt(256) / 2 of rounding: below 2^15.5
inline constexpr float kLargestValue = 8191;      // below 2^13
inline constexpr int kMostWeights = 2000;         // in one sum
inline constexpr float kLargestWeights = 261000;  // and half of kMostWeights of rounding: below 2^18

// Columns of a product: whole cache lines. Logits behind the tokens are of leftovers, their weights 0.
constexpr int whole_lines(int tokens) { return (tokens + 15) / 16 * 16; }

// c[i * c_stride + j] = unit * sum over l of the products of pair l of row i and of column j.
struct PairProduct {
  const int16_t* a;  // [m, k, 2]
  std::ptrdiff_t a_stride;
  const int16_t* b;  // [k, n, 2], by pair_columns or pair_rows; rows b_stride pairs apart
  std::ptrdiff_t b_stride;
  const float *row_unit, *column_unit;  // [m] or [n]: one of them, the other is nullptr
  float* c;
  std::ptrdiff_t c_stride;
  int m, n, k;  // n a multiple of 16
};

// Rows of logits that become weights, in place, and their codes. n a multiple of 16.
struct WeightRows {
  float* x;  // [rows, n], rows `stride` apart. In: logits in units of row_unit; -inf of those that are not there
  std::ptrdiff_t stride;
  int rows, n;
  const float* row_unit;    // [rows]
  const float* value_unit;  // [n] of the tokens' values
  int16_t* codes;           // [rows, n]
  // [rows]: the largest logit and the sum of exp(logit - largest) (-inf and 0 where there is none), the codes' unit.
  float *max, *sum, *unit;
};

struct PairKernels {
  // Rows of x [count, n] for the side a of logits: codes [count, n], unit [count].
  void (*quantise_rows)(const float* x, int count, int n, int16_t* codes, float* unit);
  // Columns of x [n, count], rows `stride` apart, for the side b of logits: pairs [n / 2, count, 2] of neighbouring
  // rows, `stride` pairs apart; unit [count]. All is read and written up to a multiple of 16.
  void (*pair_columns)(const float* x, std::ptrdiff_t stride, int count, int n, int16_t* pairs, float* unit);
  // Rows of x [count, n] for the side b of values: pairs [count / 2 rounded up, n, 2] of neighbouring rows; unit
  // [count], and 0 up to a multiple of 16. An odd count reads one row more.
  void (*pair_rows)(const float* x, int count, int n, int16_t* pairs, float* unit);
  // x = exp(logit - largest of the row); codes times unit: about x times value_unit.
  void (*weigh)(const WeightRows& w);
  void (*multiply)(const PairProduct& p);
};

}  // namespace leankv
