#include "engine/pool_size.h"

#include <unistd.h>

#include <algorithm>
#include <fstream>
#include <string>

#include "backend/judgement.h"

namespace leankv {
namespace {

constexpr double kUnusedBytes = 1.1;  // what pages hold beyond the bytes of their tokens

int64_t fresh_bytes(const KvCache& cache, TierId id, int64_t tokens) {
  const int64_t per_page = cache.layout(id).tokens;
  return (tokens + per_page - 1) / per_page * cache.shape().heads() * cache.page_bytes();
}

// Pages that any pool needs whatever the context: the reserve, and for each head a half-filled one per list.
int64_t fixed_bytes(const CacheShape& shape, const Policy& policy, int sequences) {
  const int64_t half_filled = int64_t(shape.heads()) * sequences * (int(policy.tiers.size()) + 1);
  const int64_t pages = half_filled + KvCache::reserve_pages(shape);
  return pages * KvCache::page_bytes_for(policy.tiers, shape.head_dim);
}

}  // namespace

int64_t free_memory_bytes() {
  std::ifstream meminfo("/proc/meminfo");
  std::string key, unit;
  for (int64_t kib = 0; meminfo >> key >> kib >> unit;) {
    if (key == "MemAvailable:") return kib * 1024;
  }
  return int64_t(sysconf(_SC_AVPHYS_PAGES)) * sysconf(_SC_PAGESIZE);
}

int64_t default_pool_bytes(const CacheShape& shape, const Policy& policy, int context, int sequences) {
  const double whole = double(context) * double(shape.bytes_per_token_16bit()) * kUnusedBytes;
  const double ratio = policy.judges() ? std::max(1.0, policy.ratio) : 1.0;
  const double wanted = whole * sequences / ratio + (policy.judges() ? whole : 0);
  return std::min(int64_t(wanted) + fixed_bytes(shape, policy, sequences), free_memory_bytes() / 2);
}

int decode_window(const Policy& policy) {
  return 2 * kQueryUnit + std::min(policy.review_interval, kQueryUnit) + policy.window;
}

int64_t hardest_bytes(const CacheShape& shape, int64_t tokens) {
  return int64_t(double(tokens * shape.bytes_per_token_16bit()) / kHardestRatio);
}

int64_t least_bytes(const KvCache& cache, const Policy& policy, int tokens, int chunk) {
  const TierId best = policy.tiers.front();
  const int64_t reserve = int64_t(cache.reserve_pages()) * cache.page_bytes();
  if (!policy.judges()) return fresh_bytes(cache, best, tokens) + reserve;
  const int held = std::max({chunk, least_judgeable(policy), policy.window + decode_window(policy)});
  const int64_t unjudged = int64_t(chunk) + held;
  if (tokens <= unjudged) return fresh_bytes(cache, best, tokens) + reserve;
  return fresh_bytes(cache, best, unjudged) + reserve + hardest_bytes(cache.shape(), tokens);
}

}  // namespace leankv
