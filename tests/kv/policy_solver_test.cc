#include "kv/policy_solver.h"

#include <gtest/gtest.h>

#include <cmath>
#include <random>
#include <vector>

namespace leankv {
namespace {

constexpr int kBytes[] = {134, 68, 44};
constexpr int kTokensPerPage[] = {8, 16, 24};

// Heads of a sequence with random significance, owning what HeadProblem points to.
struct Sequence {
  std::vector<HeadHistogram> histograms;
  std::vector<HeadConstants> constants;
  std::vector<Curve> curves;
  std::vector<HeadProblem> heads;

  Sequence(int count, int tokens, int fixed, unsigned seed) {
    std::mt19937 random(seed);
    std::normal_distribution<float> normal;
    for (int h = 0; h < count; ++h) {
      const float centre = -20 + 4 * normal(random);
      histograms.emplace_back(3);
      for (int i = 0; i < tokens; ++i) {
        histograms.back().add(i % 7 == 0 ? 1 : 0, nearest_level(std::exp2(centre + 4 * normal(random))));
      }
      histograms.back().finish();
      const double scale = std::exp2(3 * normal(random));
      constants.push_back({{1e-4 * scale, 2e-2 * scale, .2 * scale, 2 * scale}});
      Curve curve;
      for (int i = 0; i < kCurvePoints; ++i) {
        curve.log_past[i] = float(i) * .5f - 9;
        curve.log_future[i] = float(i) * .4f - 8 + .3f * normal(random) * (i == 0);
      }
      curves.push_back(curve);
    }
    for (int h = 0; h < count; ++h) heads.push_back({&histograms[h], &constants[h], &curves[h], uint32_t(fixed)});
  }

  int64_t bytes_at(const PageCosts& costs, double lambda) const {
    std::vector<HeadThresholds> thresholds;
    for (const HeadProblem& h : heads) {
      thresholds.push_back(forecast_thresholds(*h.constants, *h.curve, costs.bytes, lambda));
    }
    return page_true_bytes(heads, costs, thresholds);
  }
};

PageCosts usual_costs() { return {kTokensPerPage, 8, 1088, 4, 1000, kBytes}; }

TEST(PageTrueBytes, CountsHalfFilledPagesTablesAndWhatIsFixed) {
  HeadHistogram histogram(3);
  for (int i = 0; i < 9; ++i) histogram.add(0, 4000);   // 9 stay: 2 pages of 8
  for (int i = 0; i < 30; ++i) histogram.add(1, 2000);  // 30 stay at the second tier: 2 pages of 16
  histogram.add(2, 2000);                               // 1 page of 24
  for (int i = 0; i < 5; ++i) histogram.add(0, 10);     // pruned: nothing
  histogram.finish();
  HeadThresholds thresholds;
  thresholds.tiers = 3;
  for (auto& floors : thresholds.floor) std::fill(std::begin(floors), std::end(floors), uint16_t(1000));
  const HeadProblem head{&histogram, nullptr, nullptr, 17};  // 17 fresh: 3 pages of 8
  const int64_t one = 8 * (1088 + 4);
  EXPECT_EQ(page_true_bytes({&head, 1}, usual_costs(), {&thresholds, 1}), one + 1000);
  const HeadProblem twice[] = {head, head};
  EXPECT_EQ(page_true_bytes(twice, usual_costs(), {&thresholds, 1}), 2 * one + 1000);
}

// The result fits and a lambda just below does not; how close it comes is a matter of pages: each head's lists end
// anywhere in a page, so one page per head is allowed for.
TEST(SolveLambda, FitsAndIsClosest) {
  const Sequence sequence(20, 3000, 16, 1);
  const PageCosts costs = usual_costs();
  const int64_t full = sequence.bytes_at(costs, 0);
  for (const double ratio : {1.2, 2.0, 3.5, 7.0, 15.0}) {
    const auto target = int64_t(double(full) / ratio);
    const double lambda = solve_lambda(sequence.heads, costs, target);
    EXPECT_LE(sequence.bytes_at(costs, lambda), target) << ratio;
    EXPECT_GT(sequence.bytes_at(costs, lambda * std::exp2(-1e-9)), target) << ratio;  // 110 octaves / 2^40 = 1e-10
    EXPECT_GT(sequence.bytes_at(costs, lambda), target - 20 * costs.page_bytes) << ratio;
  }
}

TEST(SolveLambda, EndsOfTheRange) {
  const Sequence sequence(3, 500, 16, 2);
  const PageCosts costs = usual_costs();
  EXPECT_EQ(solve_lambda(sequence.heads, costs, int64_t{1} << 40), std::exp2(-80));
  EXPECT_EQ(solve_lambda(sequence.heads, costs, 0), std::exp2(30));
  EXPECT_EQ(sequence.bytes_at(costs, std::exp2(30)), 3 * 2 * (1088 + 4) + 1000);  // only the 16 fresh of each head
  EXPECT_EQ(solve_lambda({}, costs, 1000), std::exp2(-80));
}

TEST(SolveAlphaFactor, FitsAndIsClosest) {
  const Sequence sequence(20, 3000, 64, 3);
  const PageCosts costs = usual_costs();
  const auto bytes_at = [&](double factor) {
    const HeadThresholds shared = paper_thresholds(3, factor, .02 * factor, 3064);
    return page_true_bytes(sequence.heads, costs, {&shared, 1});
  };
  for (const double ratio : {1.5, 3.0, 6.0}) {
    const auto target = int64_t(double(bytes_at(0)) / ratio);
    const double factor = solve_alpha_factor(sequence.heads, costs, 1, .02, 3064, target);
    EXPECT_LE(bytes_at(factor), target) << ratio;
    EXPECT_GT(bytes_at(factor * std::exp2(-1.0 / kLevelsPerOctave)), target) << ratio;  // one level less
  }
  EXPECT_EQ(solve_alpha_factor(sequence.heads, costs, 1, .02, 3064, 0), std::exp2(40));
  EXPECT_EQ(bytes_at(std::exp2(40)), 20 * 8 * (1088 + 4) + 1000);  // everything judged is pruned
}

}  // namespace
}  // namespace leankv
