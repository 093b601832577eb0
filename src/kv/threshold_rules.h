// From constants, curve and lambda to the thresholds of one head, and from thresholds to counts: the arithmetic of
// policy.h, for host and device alike. No maths library, so both find the same thresholds.
#pragma once

#include <limits>

#include "kv/exact_math.h"
#include "kv/policy.h"
#include "kv/significance_rules.h"

namespace leankv {

inline constexpr double kLog10Of2 = 0.30102999566398119521;

LEANKV_HD inline float forecast_log10_of(const Curve& curve, float log_past) {
  const float* x = curve.log_past;
  const float* y = curve.log_future;
  if (!(log_past >= x[0])) return y[0];
  constexpr int kLast = kCurvePoints - 1;
  int j = 0;
  while (j < kLast && x[j + 1] <= log_past) ++j;
  if (j == kLast) return y[kLast] + (log_past - x[kLast]);
  const float share = (log_past - x[j]) / (x[j + 1] - x[j]);
  const float between = y[j] + (y[j + 1] - y[j]) * share;
  return y[j + 1] < between ? y[j + 1] : between;  // the bound keeps rounding monotone
}

// blend() of forecast.h. Both curves rise, so the blend does, up to a rounding that the running maximum takes away.
LEANKV_HD inline Curve blend_of(const Curve& fitted, uint32_t tokens, const Curve& prior) {
  const float share = float(kPriorTokens) / (float(tokens) + float(kPriorTokens));
  Curve curve = fitted;
  for (int i = 0; i < kCurvePoints; ++i) {
    const float known = forecast_log10_of(prior, fitted.log_past[i]);
    const float between = fitted.log_future[i] + (known - fitted.log_future[i]) * share;
    curve.log_future[i] = i > 0 && between < curve.log_future[i - 1] ? curve.log_future[i - 1] : between;
  }
  return curve;
}

LEANKV_HD inline float log_past_of(int level) {
  return level == 0 ? -std::numeric_limits<float>::infinity() : float(level_log2(level) * kLog10Of2);
}

// The lowest level in [0, kSignificanceLevels] that is_reached, which must hold from some level on. The search starts
// at a guess and needs no more steps than the guess is off, so an inverted formula makes it short and exact.
template <class Reached>
LEANKV_HD int lowest_level(int guess, Reached&& is_reached) {
  int level = guess < 0 ? 0 : guess < kSignificanceLevels ? guess : kSignificanceLevels;
  while (level > 0 && is_reached(level - 1)) --level;
  while (level < kSignificanceLevels && !is_reached(level)) ++level;
  return level;
}

// The past significance (log10) at which the curve reaches log_importance; -inf where it always does.
LEANKV_HD inline double inverse_forecast(const Curve& curve, double log_importance) {
  const float* x = curve.log_past;
  const float* y = curve.log_future;
  if (y[0] >= log_importance) return -std::numeric_limits<double>::infinity();
  constexpr int kLast = kCurvePoints - 1;
  if (y[kLast] < log_importance) return x[kLast] + (log_importance - y[kLast]);
  int j = 1;
  while (y[j] < log_importance) ++j;  // y[j - 1] < log_importance <= y[j]
  return x[j - 1] + double(x[j] - x[j - 1]) * (log_importance - y[j - 1]) / double(y[j] - y[j - 1]);
}

// The lowest level whose forecast importance is at least 10^log_importance.
LEANKV_HD inline uint16_t level_reaching(const Curve& curve, double log_importance) {
  const double steps = (inverse_forecast(curve, log_importance) / kLog10Of2 - kLowestOctave) * kLevelsPerOctave;
  const double bounded = steps > 0 ? (steps < kSignificanceLevels ? steps : kSignificanceLevels) : 0;
  const int guess = int(bounded) + (bounded > int(bounded));
  return uint16_t(
      lowest_level(guess, [&](int level) { return forecast_log10_of(curve, log_past_of(level)) >= log_importance; }));
}

// The objective of each choice as a line over importance: value = slope * importance + offset.
struct ChoiceLine {
  double slope;   // cost per unit of importance
  double offset;  // lambda * bytes
};

// The line that is lowest just above importance 0, among [current, count).
LEANKV_HD inline int lowest_at_zero(const ChoiceLine* lines, int count, int current) {
  int best = current;
  for (int i = current + 1; i < count; ++i) {
    const bool lower = lines[i].offset < lines[best].offset;
    if (lower || (lines[i].offset == lines[best].offset && lines[i].slope < lines[best].slope)) best = i;
  }
  return best;
}

struct Crossing {
  int line;           // -1: the current line stays the lowest
  double importance;  // from where on `line` is the lowest
};

// What follows line `from` on the lower envelope of [current, count). Of several at one point the flattest follows.
LEANKV_HD inline Crossing next_on_envelope(const ChoiceLine* lines, int count, int current, int from) {
  Crossing next{-1, std::numeric_limits<double>::infinity()};
  for (int i = current; i < count; ++i) {
    if (lines[i].slope >= lines[from].slope) continue;
    const double importance = (lines[i].offset - lines[from].offset) / (lines[from].slope - lines[i].slope);
    const bool flatter = next.line >= 0 && importance == next.importance && lines[i].slope < lines[next.line].slope;
    if (importance < next.importance || flatter) next = {i, importance};
  }
  return next;
}

// Offsets descend with the index, so along the envelope, from little importance to much, the index only falls: the
// choice is a list of floors. Tiers that are on no envelope get a floor that no level reaches.
// bytes [tiers], tiers from 1 to kMaxPolicyTiers.
LEANKV_HD inline HeadThresholds thresholds_of_forecast(const HeadConstants& constants, const Curve& curve,
                                                       const int* bytes, int tiers, double lambda) {
  ChoiceLine lines[kMaxPolicyTiers + 1];
  for (int i = 0; i <= tiers; ++i) lines[i] = {constants.cost[i], i < tiers ? lambda * bytes[i] : 0.0};
  HeadThresholds thresholds;
  thresholds.tiers = tiers;
  for (int current = 0; current < tiers; ++current) {
    for (int i = 0; i < tiers; ++i) thresholds.floor[current][i] = HeadThresholds::kNever;
    Crossing at{lowest_at_zero(lines, tiers + 1, current), 0};
    while (at.line >= 0) {
      if (at.line < tiers) thresholds.floor[current][at.line] = level_reaching(curve, exact_log10(at.importance));
      at = next_on_envelope(lines, tiers + 1, current, at.line);
    }
  }
  return thresholds;
}

LEANKV_HD inline HeadThresholds thresholds_of_paper(int tiers, double alpha_high, double alpha_low, int64_t tokens) {
  HeadThresholds thresholds;
  thresholds.tiers = tiers;
  for (int i = 0; i < tiers; ++i) {
    const double share = tiers == 1 ? 1.0 : double(i) / (tiers - 1);
    const double alpha = exact_power(alpha_high, 1 - share) * exact_power(alpha_low, share);
    const double theta = alpha / double(tokens);
    const int floor =
        lowest_level(level_nearest(float(theta)), [&](int level) { return mean_of_level(level) >= theta; });
    for (int current = 0; current <= i; ++current) thresholds.floor[current][i] = uint16_t(floor);
  }
  return thresholds;
}

// Tokens per tier (and pruned, last: index thresholds.tiers) that the thresholds lead to, in after
// [kMaxPolicyTiers + 1]. Histogram: tiers(), at_least(tier, level), pinned_below(tier, level) as HeadHistogram.
template <class Histogram>
LEANKV_HD void count_after(const Histogram& histogram, const HeadThresholds& thresholds, uint32_t* after) {
  for (int i = 0; i <= kMaxPolicyTiers; ++i) after[i] = 0;
  for (int current = 0; current < histogram.tiers(); ++current) {
    const uint32_t tokens = histogram.at_least(current, 0);
    if (tokens == 0) continue;
    uint32_t taken = 0;  // by better tiers
    int lowest = HeadThresholds::kNever;
    for (int i = current; i < thresholds.tiers; ++i) {
      const int floor = thresholds.floor[current][i];
      const uint32_t reach = histogram.at_least(current, floor), kept = reach > taken ? reach : taken;
      after[i] += kept - taken;
      taken = kept;
      lowest = floor < lowest ? floor : lowest;
    }
    const uint32_t held = histogram.pinned_below(current, lowest);  // at the last tier instead of nowhere
    after[thresholds.tiers - 1] += held;
    after[thresholds.tiers] += tokens - taken - held;
  }
}

// ---- the one number of a target in bytes (policy_solver.h) ----

// 110 octaves halved 40 times leave 1e-10 of an octave, far below one significance level of any threshold.
inline constexpr int kSolverRounds = 40;

// The least 2^x, x in [low, high], with bytes_at(2^x) <= target, for bytes that fall with x; 2^high when none is.
// A token that leaves one page may open another, so bytes may rise a little on the way down: the result always
// fits, and is the closest up to such steps.
template <class BytesAt>
LEANKV_HD double least_that_fits(double low, double high, int64_t target, BytesAt&& bytes_at) {
  if (bytes_at(exact_exp2(low)) <= target) return exact_exp2(low);
  if (bytes_at(exact_exp2(high)) > target) return exact_exp2(high);
  for (int round = 0; round < kSolverRounds; ++round) {
    const double middle = (low + high) / 2;
    (bytes_at(exact_exp2(middle)) > target ? low : high) = middle;
  }
  return exact_exp2(high);
}

}  // namespace leankv
