// Curves and choices equal those of the NumPy reference (tools/make_policy_goldens.py).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <fstream>
#include <string>
#include <vector>

#include "kv/policy.h"

namespace leankv {
namespace {

std::ifstream open_golden(const std::string& name) {
  std::ifstream file(std::string(LEANKV_GOLDEN_DIR) + "/kv/" + name);
  std::string comment;
  std::getline(file, comment);
  EXPECT_TRUE(file) << name;
  return file;
}

template <class T>
std::vector<T> read(std::ifstream& file, int count) {
  std::vector<T> values(count);
  for (T& value : values) file >> value;
  EXPECT_TRUE(file);
  return values;
}

Curve read_curve(std::ifstream& file) {
  Curve curve;
  std::ranges::copy(read<float>(file, kCurvePoints), curve.log_past);
  std::ranges::copy(read<float>(file, kCurvePoints), curve.log_future);
  return curve;
}

// 1e-5: the reference takes means of up to 63 numbers in float32 (63 * 2^-24 / ln 10 = 1.6e-6 in log10) and its
// logarithms are float32 below 16 (1e-6).
TEST(PolicyGolden, Curves) {
  std::ifstream file = open_golden("policy_curves.txt");
  int cases = 0;
  for (int n; file >> n; ++cases) {
    const auto past = read<float>(file, n), future = read<float>(file, n);
    const Curve expected = read_curve(file), curve = fit_curve(past, future);
    for (int i = 0; i < kCurvePoints; ++i) {
      EXPECT_NEAR(curve.log_past[i], expected.log_past[i], 1e-5) << n << " tokens, point " << i;
      EXPECT_NEAR(curve.log_future[i], expected.log_future[i], 1e-5) << n << " tokens, point " << i;
    }
  }
  EXPECT_EQ(cases, 6);
}

// The reference judges the significance itself, this program its nearest level, half a level away at most; with the
// rounding of float32 in the reference's objectives, a choice may be that of the next level above or below.
TEST(PolicyGolden, Choices) {
  std::ifstream file = open_golden("policy_choices.txt");
  int tokens = 0, next_to_a_threshold = 0;
  std::vector<int> seen(kMaxPolicyTiers + 1, 0);
  for (int heads; file >> heads;) {
    int n = 0, tiers = 0;
    double lambda = 0;
    file >> n >> tiers >> lambda;
    const auto bytes = read<int>(file, tiers);
    for (int h = 0; h < heads; ++h) {
      const Curve curve = read_curve(file);
      HeadConstants constants;
      std::ranges::copy(read<double>(file, tiers + 1), constants.cost);
      const HeadThresholds thresholds = forecast_thresholds(constants, curve, bytes, lambda);
      const auto significance = read<float>(file, n);
      const auto current = read<int>(file, n), expected = read<int>(file, n);
      for (int t = 0; t < n; ++t, ++tokens) {
        const int level = nearest_level(significance[t]);
        ++seen[expected[t]];
        if (thresholds.choose(current[t], level) == expected[t]) continue;
        ++next_to_a_threshold;
        EXPECT_TRUE(thresholds.choose(current[t], level - 1) == expected[t] ||
                    thresholds.choose(current[t], level + 1) == expected[t])
            << "head " << h << " token " << t << " level " << level << ": reference chose " << expected[t];
      }
    }
  }
  EXPECT_EQ(tokens, 4 * 3 * 300);
  for (int i = 0; i <= 3; ++i) EXPECT_GT(seen[i], 0) << "tier " << i;
  RecordProperty("next_to_a_threshold", next_to_a_threshold);
}

}  // namespace
}  // namespace leankv
