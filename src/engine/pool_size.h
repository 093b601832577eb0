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

// Fresh tokens that decode needs room for between two reviews. A longer interval is cut short where the pool is full.
int decode_window(const Policy& policy);

// What want of room may bring so many tokens down to: below that a sequence ends rather than forgets everything.
inline constexpr double kHardestRatio = 32;
int64_t hardest_bytes(const CacheShape& shape, int64_t tokens);

// The fewest bytes that a sequence of so many tokens can be brought to and still be served: exact for `off` and uniform
// policies; for those that judge hardest_bytes and, at the best tier, a chunk beside what is longest of
// another chunk, what the first judgement needs, and the window with decode's.
int64_t least_bytes(const KvCache& cache, const Policy& policy, int tokens, int chunk);

}  // namespace leankv
