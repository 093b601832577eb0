#include <algorithm>
#include <cmath>
#include <limits>

#include "base/error.h"
#include "kv/policy.h"

namespace leankv {
namespace {

constexpr double kLog10Of2 = 0.30102999566398119521;

float log_past_of(int level) {
  return level == 0 ? -std::numeric_limits<float>::infinity() : float(level_log2(level) * kLog10Of2);
}

// The lowest level in [0, kSignificanceLevels] that is_reached, which must hold from some level on. The search starts
// at a guess and needs no more steps than the guess is off, so an inverted formula makes it short and exact.
template <class Reached>
int lowest_level(int guess, Reached&& is_reached) {
  int level = std::clamp(guess, 0, kSignificanceLevels);
  while (level > 0 && is_reached(level - 1)) --level;
  while (level < kSignificanceLevels && !is_reached(level)) ++level;
  return level;
}

// The past significance (log10) at which the curve reaches log_importance; -inf where it always does.
double inverse_forecast(const Curve& curve, double log_importance) {
  const float* x = curve.log_past;
  const float* y = curve.log_future;
  if (y[0] >= log_importance) return -std::numeric_limits<double>::infinity();
  constexpr int kLast = kCurvePoints - 1;
  if (y[kLast] < log_importance) return x[kLast] + (log_importance - y[kLast]);
  const int j = int(std::lower_bound(y, y + kCurvePoints, log_importance) - y);  // y[j - 1] < log_importance <= y[j]
  return x[j - 1] + double(x[j] - x[j - 1]) * (log_importance - y[j - 1]) / double(y[j] - y[j - 1]);
}

// The lowest level whose forecast importance is at least 10^log_importance.
uint16_t level_reaching(const Curve& curve, double log_importance) {
  const double steps = (inverse_forecast(curve, log_importance) / kLog10Of2 - kLowestOctave) * kLevelsPerOctave;
  const int guess = int(std::ceil(std::clamp(steps, 0.0, double(kSignificanceLevels))));
  return uint16_t(
      lowest_level(guess, [&](int level) { return forecast_log10(curve, log_past_of(level)) >= log_importance; }));
}

// The objective of each choice as a line over importance: value = slope * importance + offset.
struct Line {
  double slope;   // cost per unit of importance
  double offset;  // lambda * bytes
};

// The line that is lowest just above importance 0, among [current, count).
int lowest_at_zero(std::span<const Line> lines, int current) {
  int best = current;
  for (int i = current + 1; i < int(lines.size()); ++i) {
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
Crossing next_on_envelope(std::span<const Line> lines, int current, int from) {
  Crossing next{-1, std::numeric_limits<double>::infinity()};
  for (int i = current; i < int(lines.size()); ++i) {
    if (lines[i].slope >= lines[from].slope) continue;
    const double importance = (lines[i].offset - lines[from].offset) / (lines[from].slope - lines[i].slope);
    const bool flatter = next.line >= 0 && importance == next.importance && lines[i].slope < lines[next.line].slope;
    if (importance < next.importance || flatter) next = {i, importance};
  }
  return next;
}

}  // namespace

// Offsets descend with the index, so along the envelope, from little importance to much, the index only falls: the
// choice is a list of floors. Tiers that are on no envelope get a floor that no level reaches.
HeadThresholds forecast_thresholds(const HeadConstants& constants, const Curve& curve, std::span<const int> bytes,
                                   double lambda) {
  const int tiers = int(bytes.size());
  LEANKV_CHECK(tiers >= 1 && tiers <= kMaxPolicyTiers);
  Line lines[kMaxPolicyTiers + 1];
  for (int i = 0; i <= tiers; ++i) lines[i] = {constants.cost[i], i < tiers ? lambda * bytes[i] : 0.0};
  const std::span<const Line> all(lines, tiers + 1);
  HeadThresholds thresholds;
  thresholds.tiers = tiers;
  for (int current = 0; current < tiers; ++current) {
    std::fill_n(thresholds.floor[current], tiers, HeadThresholds::kNever);
    Crossing at{lowest_at_zero(all, current), 0};
    while (at.line >= 0) {
      if (at.line < tiers) thresholds.floor[current][at.line] = level_reaching(curve, std::log10(at.importance));
      at = next_on_envelope(all, current, at.line);
    }
  }
  return thresholds;
}

HeadThresholds paper_thresholds(int tiers, double alpha_high, double alpha_low, int64_t tokens) {
  LEANKV_CHECK(tiers >= 1 && tiers <= kMaxPolicyTiers && tokens >= 1);
  HeadThresholds thresholds;
  thresholds.tiers = tiers;
  for (int i = 0; i < tiers; ++i) {
    const double share = tiers == 1 ? 1.0 : double(i) / (tiers - 1);
    const double alpha = std::pow(alpha_high, 1 - share) * std::pow(alpha_low, share);
    const double theta = alpha / double(tokens);
    const int floor = lowest_level(nearest_level(float(theta)), [&](int level) { return level_mean(level) >= theta; });
    for (int current = 0; current <= i; ++current) thresholds.floor[current][i] = uint16_t(floor);
  }
  return thresholds;
}

void HeadHistogram::finish() {
  for (OneTier& one : tiers_) {
    std::vector<uint32_t> count(kSignificanceLevels, 0);
    uint32_t tokens = uint32_t(one.levels.size());
    for (const uint16_t level : one.levels) ++count[level];
    one.levels.clear();
    for (int level = 0; level < kSignificanceLevels; ++level) {
      if (count[level] == 0) continue;
      one.levels.push_back(uint16_t(level));
      one.from_here.push_back(tokens);
      tokens -= count[level];
    }
    one.from_here.push_back(0);
    one.levels.shrink_to_fit();
    one.from_here.shrink_to_fit();
    std::ranges::sort(one.pinned);
  }
}

uint32_t HeadHistogram::at_least(int tier, int level) const {
  const OneTier& one = tiers_[tier];
  return one.from_here[std::ranges::lower_bound(one.levels, level) - one.levels.begin()];
}

uint32_t HeadHistogram::pinned_below(int tier, int level) const {
  const std::vector<uint16_t>& pinned = tiers_[tier].pinned;
  return uint32_t(std::ranges::lower_bound(pinned, level) - pinned.begin());
}

std::array<uint32_t, kMaxPolicyTiers + 1> tokens_after(const HeadHistogram& histogram,
                                                       const HeadThresholds& thresholds) {
  std::array<uint32_t, kMaxPolicyTiers + 1> after{};
  for (int current = 0; current < histogram.tiers(); ++current) {
    const uint32_t tokens = histogram.at_least(current, 0);
    if (tokens == 0) continue;
    uint32_t taken = 0;  // by better tiers
    int lowest = HeadThresholds::kNever;
    for (int i = current; i < thresholds.tiers; ++i) {
      const uint32_t kept = std::max(taken, histogram.at_least(current, thresholds.floor[current][i]));
      after[i] += kept - taken;
      taken = kept;
      lowest = std::min<int>(lowest, thresholds.floor[current][i]);
    }
    const uint32_t held = histogram.pinned_below(current, lowest);  // at the last tier instead of nowhere
    after[thresholds.tiers - 1] += held;
    after[thresholds.tiers] += tokens - taken - held;
  }
  return after;
}

}  // namespace leankv
