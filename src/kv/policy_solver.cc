#include "kv/policy_solver.h"

#include "base/error.h"
#include "kv/threshold_rules.h"

namespace leankv {
namespace {

int64_t pages_for(uint32_t tokens, int tokens_per_page) {
  return (int64_t(tokens) + tokens_per_page - 1) / tokens_per_page;
}

int64_t head_pages(const HeadProblem& head, const PageCosts& costs, const HeadThresholds& thresholds) {
  const auto after = tokens_after(*head.histogram, thresholds);
  int64_t pages = pages_for(head.fixed, costs.fresh_tokens_per_page);
  for (int i = 0; i < thresholds.tiers; ++i) pages += pages_for(after[i], costs.tokens_per_page[i]);
  return pages;
}

int64_t bytes_of_pages(int64_t pages, const PageCosts& costs) {
  return pages * (costs.page_bytes + costs.table_bytes_per_page) + costs.fixed_bytes;
}

int64_t bytes_at_lambda(std::span<const HeadProblem> heads, const PageCosts& costs, double lambda) {
  int64_t pages = 0;
  for (const HeadProblem& head : heads) {
    pages += head_pages(head, costs, forecast_thresholds(*head.constants, *head.curve, costs.bytes, lambda));
  }
  return bytes_of_pages(pages, costs);
}

}  // namespace

int64_t page_true_bytes(std::span<const HeadProblem> heads, const PageCosts& costs,
                        std::span<const HeadThresholds> thresholds) {
  LEANKV_CHECK(thresholds.size() == 1 || thresholds.size() == heads.size());
  int64_t pages = 0;
  for (std::size_t h = 0; h < heads.size(); ++h) {
    pages += head_pages(heads[h], costs, thresholds[thresholds.size() == 1 ? 0 : h]);
  }
  return bytes_of_pages(pages, costs);
}

double solve_lambda(std::span<const HeadProblem> heads, const PageCosts& costs, int64_t target_bytes) {
  LEANKV_CHECK(costs.tokens_per_page.size() == costs.bytes.size());
  return least_that_fits(-80, 30, target_bytes, [&](double lambda) { return bytes_at_lambda(heads, costs, lambda); });
}

double solve_alpha_factor(std::span<const HeadProblem> heads, const PageCosts& costs, double alpha_high,
                          double alpha_low, int64_t tokens, int64_t target_bytes) {
  const int tiers = int(costs.tokens_per_page.size());
  return least_that_fits(-60, 40, target_bytes, [&](double factor) {
    const HeadThresholds shared = paper_thresholds(tiers, factor * alpha_high, factor * alpha_low, tokens);
    return page_true_bytes(heads, costs, std::span(&shared, 1));
  });
}

}  // namespace leankv
