#include "kv/forecast.h"

#include <algorithm>
#include <numeric>
#include <vector>

#include "base/error.h"
#include "kv/threshold_rules.h"

namespace leankv {
namespace {

// Keeps the logarithm of a bin that was never attended to finite; far below any mean that matters.
constexpr double kSmallestMean = 1e-14;

std::vector<uint32_t> order_by(std::span<const float> past) {
  std::vector<uint32_t> order(past.size());
  std::iota(order.begin(), order.end(), 0u);
  std::ranges::stable_sort(order, [&](uint32_t a, uint32_t b) { return past[a] < past[b]; });
  return order;
}

double mean_of(std::span<const float> values, std::span<const uint32_t> members) {
  double sum = 0;
  for (const uint32_t i : members) sum += values[i];
  return sum / double(members.size());
}

}  // namespace

Curve fit_curve(std::span<const float> past, std::span<const float> future) {
  LEANKV_CHECK(past.size() == future.size() && past.size() >= std::size_t(kCurvePoints));
  const std::vector<uint32_t> order = order_by(past);
  const std::size_t smaller = past.size() / kCurvePoints;
  const std::size_t larger_bins = past.size() % kCurvePoints;
  Curve curve;
  double highest = 0;
  std::size_t first = 0;
  for (std::size_t bin = 0; bin < std::size_t(kCurvePoints); ++bin) {
    const std::span<const uint32_t> members(&order[first], smaller + (bin < larger_bins ? 1 : 0));
    highest = std::max(highest, mean_of(future, members));
    curve.log_past[bin] = float(exact_log10(mean_of(past, members) + kSmallestMean));
    curve.log_future[bin] = float(exact_log10(highest + kSmallestMean));
    first += members.size();
  }
  return curve;
}

float forecast_log10(const Curve& curve, float log_past) { return forecast_log10_of(curve, log_past); }

Curve blend(const Curve& fitted, std::size_t tokens, const Curve& prior) {
  return blend_of(fitted, uint32_t(tokens), prior);
}

Curve at_least(const Curve& fresh, const Curve& previous) {
  Curve curve = fresh;
  for (int i = 0; i < kCurvePoints; ++i) {
    curve.log_future[i] = std::max(curve.log_future[i], forecast_log10(previous, curve.log_past[i]));
  }
  return curve;
}

}  // namespace leankv
