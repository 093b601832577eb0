// Which points of a measurement fit into memory together.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "backend/kv_cache.h"
#include "kv/policy.h"

namespace leankv {

// One cache that is measured.
struct BenchCase {
  std::string name;  // as given
  Policy policy;
};

// Separated by commas; within one, '+' stands for parse_policy's comma. Throws kBadOption.
std::vector<BenchCase> parse_bench_cases(std::string_view names, int head_dim);

// What the sequences of one case hold at one depth.
struct DepthNeed {
  int depth = 0;     // tokens when measuring begins
  int added = 0;     // that measuring adds to a sequence
  bool real = true;  // the prompt passes through the pool at 16 bits
};

// Bytes of a pool for one filled sequence and `batch` copies of it that grow.
int64_t bench_pool_bytes(const CacheShape& shape, const Policy& policy, const DepthNeed& need, int batch);

struct CasePlan {
  std::vector<int> batches;  // that are measured, ascending
  int64_t pool_bytes = 0;
  std::vector<std::pair<int, std::string>> skipped;  // batch, reason

  int most() const { return batches.empty() ? 0 : batches.back(); }
};

// All cases are held at once, because they are measured in turn. Small batches first, so that a point is skipped only
// for want of memory beside the smaller ones. batches ascending.
std::vector<CasePlan> plan_depth(const CacheShape& shape, std::span<const BenchCase> cases,
                                 std::span<const int> batches, const DepthNeed& need, int64_t free_bytes);

}  // namespace leankv
