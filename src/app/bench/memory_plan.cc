#include "app/bench/memory_plan.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>

#include "app/byte_size.h"
#include "app/option_values.h"
#include "backend/judgement.h"

namespace leankv {
namespace {

// Above what a judged sequence's target says: the window, the pages that are being filled.
constexpr double kSlack = 1.15;

int64_t page_bytes_of(const CacheShape& shape, const Policy& policy) {
  return KvCache::page_bytes_for(policy.tiers, shape.head_dim);
}

// Whole pages of every head.
int64_t bytes_at(const CacheShape& shape, const Policy& policy, TierId id, int64_t tokens) {
  const int64_t page = page_bytes_of(shape, policy);
  const int64_t per_page = make_page_layout(id, shape.head_dim, int(page)).tokens;
  return (tokens + per_page - 1) / per_page * shape.heads() * page;
}

int64_t sequence_bytes(const CacheShape& shape, const Policy& policy, const DepthNeed& need) {
  if (!policy.judges()) return bytes_at(shape, policy, policy.tiers.front(), need.depth + need.added);
  const int64_t open = int64_t(shape.heads()) * int64_t(policy.tiers.size()) * page_bytes_of(shape, policy);
  if (need.depth < first_judgement(policy, need.depth)) {
    return bytes_at(shape, policy, TierId::kK16V16, need.depth + need.added) + open;
  }
  const double kept = double(need.depth) * double(shape.bytes_per_token_16bit()) / std::max(1.0, policy.ratio);
  return int64_t(kept * kSlack) + open + bytes_at(shape, policy, policy.tiers.front(), need.added);
}

}  // namespace

std::vector<BenchCase> parse_bench_cases(std::string_view names, int head_dim) {
  std::vector<BenchCase> cases;
  for (const std::string& name : comma_separated(names)) {
    std::string text = name;
    std::ranges::replace(text, '+', ',');
    cases.push_back({name, parse_policy(text)});
    validate_tiers(cases.back().policy, head_dim);
  }
  if (cases.empty()) refuse_option("--kv names no cache");
  return cases;
}

int64_t bench_pool_bytes(const CacheShape& shape, const Policy& policy, const DepthNeed& need, int batch) {
  const int64_t prompt = need.real ? bytes_at(shape, policy, TierId::kK16V16, need.depth + 1) : 0;
  const int64_t sequence = sequence_bytes(shape, policy, need);
  const int64_t reserve = int64_t(KvCache::reserve_pages(shape)) * page_bytes_of(shape, policy);
  return std::max(prompt, sequence) + batch * sequence + reserve;
}

std::vector<CasePlan> plan_depth(const CacheShape& shape, std::span<const BenchCase> cases,
                                 std::span<const int> batches, const DepthNeed& need, int64_t free_bytes) {
  std::vector<CasePlan> plans(cases.size());
  const auto planned = [&] {
    return std::accumulate(plans.begin(), plans.end(), int64_t(0),
                           [](int64_t sum, const CasePlan& p) { return sum + p.pool_bytes; });
  };
  for (int batch : batches) {
    for (std::size_t i = 0; i < cases.size(); ++i) {
      const int64_t bytes = bench_pool_bytes(shape, cases[i].policy, need, batch);
      const int64_t left = free_bytes - (planned() - plans[i].pool_bytes);
      if (bytes <= left) {
        plans[i].batches.push_back(batch);
        plans[i].pool_bytes = bytes;
      } else {
        plans[i].skipped.emplace_back(
            batch, fmt::format("needs {}, {} are left", format_bytes(double(bytes)), format_bytes(double(left))));
      }
    }
  }
  return plans;
}

}  // namespace leankv
