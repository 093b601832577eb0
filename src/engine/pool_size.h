// How many bytes the pool of pages gets when the user does not say.
#pragma once

#include <cstdint>

#include "backend/kv_cache.h"
#include "kv/policy.h"

namespace leankv {

int64_t free_memory_bytes();  // that the machine could give now

// `sequences` contexts at the policy's ratio, one context at 16 bits for the prompt that is passing through, and the
// pages that a pool of any size needs; at most half of free memory.
int64_t default_pool_bytes(const CacheShape& shape, const Policy& policy, int context, int sequences);

// The fewest bytes that a sequence of so many tokens can be brought to and still be served: exact for `off` and uniform
// policies, 16-bit bytes / kHardestRatio and two chunks at the best tier for those that judge.
inline constexpr double kHardestRatio = 32;
int64_t least_bytes(const KvCache& cache, const Policy& policy, int tokens, int chunk);

}  // namespace leankv
