// Tiers as tables: what a token costs at each.
#pragma once

#include <string>

#include "backend/kv_cache.h"

namespace leankv {

// Every tier of the program for this head size, at the page size that suits the default cache, and the page size that
// each preset would get.
std::string tier_table(int head_dim);

// The tiers that a pool holds: bytes per token over all layers and heads, and tokens that fit.
std::string pool_table(const KvCache& cache);

}  // namespace leankv
