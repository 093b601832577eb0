// From how much a token was attended to, to how much it will be: a monotone curve per (layer, KV head), learned from
// the request's own prompt (docs/compression.md).
#pragma once

#include <cstddef>
#include <span>

namespace leankv {

inline constexpr int kCurvePoints = 8;

// Points (log10 past, log10 future) by ascending past; constant below the first, slope 1 above the last.
struct Curve {
  float log_past[kCurvePoints] = {};
  float log_future[kCurvePoints] = {};
};

// past[i], future[i] >= 0: mean significance of token i over the older queries and over the last ones. Sorted by past
// (ties by index), cut into kCurvePoints bins of equal count (the first bins one larger where it does not divide),
// log10 of mean past and of the running maximum of mean future. REQUIRES at least kCurvePoints tokens.
Curve fit_curve(std::span<const float> past, std::span<const float> future);

// log10 of the forecast for a significance of 10^log_past.
float forecast_log10(const Curve& curve, float log_past);

// A curve that was fitted to so many tokens, drawn towards a model's own (`leankv calibrate`): the fewer the tokens,
// the more. kPriorTokens of them weigh as much as the prior; 180 to 2,000 do equally well (docs/quality.md).
inline constexpr int kPriorTokens = 512;
Curve blend(const Curve& fitted, std::size_t tokens, const Curve& prior);

// The larger of both curves at each point of `fresh`: a refit never forecasts less than before.
Curve at_least(const Curve& fresh, const Curve& previous);

}  // namespace leankv
