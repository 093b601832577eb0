// The arithmetic of drawing a token, for host and device alike. Weights are whole numbers, so that sums do not depend
// on their order, and nothing comes from a maths library: equal logits give equal tokens everywhere.
#pragma once

#include <bit>
#include <cstdint>
#include <limits>

#include "base/host_device.h"
#include "kv/exact_math.h"

namespace leankv {

// What happens to the logit of one token before anything is chosen.
struct LogitEdit {
  int token = 0;
  float bias = 0;
  float penalty = 1;   // divides a positive logit, multiplies another: towards less probable
  float subtract = 0;  // presence and frequency
};

LEANKV_HD inline float edited(float logit, const LogitEdit& edit) {
  logit += edit.bias;
  logit = logit > 0 ? logit / edit.penalty : logit * edit.penalty;
  return logit - edit.subtract;
}

// In this order: the top_k best, the fewest of them whose probabilities at temperature 1 sum to top_p, of these those
// within log_min_p of the best; then the draw.
struct DrawRule {
  double temperature = 0;                                       // 0: the best, nothing is drawn
  int top_k = 0;                                                // 0: all
  double top_p = 1;                                             // 1: all
  double log_min_p = -std::numeric_limits<double>::infinity();  // natural logarithm; -infinity: all
  double random = 0;                                            // in [0, 1)
};

// Logits as integers of the same order; 0 for what can never be chosen: not a number, or minus infinity.
LEANKV_HD inline uint32_t key_of(float logit) {
  if (!(logit > -std::numeric_limits<float>::infinity())) return 0;
  const uint32_t bits = std::bit_cast<uint32_t>(logit == 0 ? 0.0f : logit);  // one zero
  return bits >> 31 != 0 ? ~bits : bits | 0x80000000u;
}
LEANKV_HD inline float logit_of(uint32_t key) {  // REQUIRES key > 0
  return std::bit_cast<float>(key >> 31 != 0 ? key & 0x7fffffffu : ~key);
}

// exp((logit - best) / temperature) in units of 2^-40, so that the sum over 2^23 tokens stays below 2^63. A token that
// is 2^-41 times as probable as the best is never drawn. exp by the series of 2^f: the term after the eleventh is below
// 2^-46 for |f| <= 1/2.
LEANKV_HD inline uint64_t draw_weight(float logit, float best, double temperature) {
  constexpr double kUnits = double(uint64_t(1) << 40);
  constexpr int kTerms = 11;
  if (logit == best) return uint64_t(1) << 40;
  const double x = (double(logit) - double(best)) / temperature / kLn2;
  if (!(x > -42)) return 0;
  const int whole = int(x - 0.5);
  const double y = (x - whole) * kLn2;
  double sum = 1;
  for (int k = kTerms; k >= 1; --k) sum = 1 + sum * y * (1.0 / k);
  return uint64_t(sum * std::bit_cast<double>(uint64_t(whole + 1023) << 52) * kUnits + 0.5);
}
// The same, none where min-p leaves it out.
LEANKV_HD inline uint64_t draw_weight(float logit, float best, const DrawRule& rule) {
  return double(logit) < double(best) + rule.log_min_p ? 0 : draw_weight(logit, best, rule.temperature);
}

// Candidates are gone through from the best on until their weights come to a rank, in [1, sum]: of so many candidates
// (weight 1 each), of a share of all weight, of a number drawn in [0, 1).
LEANKV_HD inline uint64_t rank_of_count(uint64_t sum, int count) {
  return count == 0 || uint64_t(count) > sum ? sum : uint64_t(count);
}
LEANKV_HD inline uint64_t rank_of_share(uint64_t sum, double share) {
  const double wanted = share * double(sum);
  const uint64_t rank = uint64_t(wanted) + (double(uint64_t(wanted)) < wanted);
  return rank < 1 ? 1 : rank < sum ? rank : sum;
}
LEANKV_HD inline uint64_t rank_of_draw(uint64_t sum, double random) {
  const uint64_t below = uint64_t(random * double(sum));
  return below < sum ? below + 1 : sum;
}

}  // namespace leankv
