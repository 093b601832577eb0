// Caches that no prompt has filled: pages of random codes, for depths and shapes that would take too long to compute.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "backend/kv_cache.h"

namespace leankv {

// Gives a freshly admitted slot `depth` tokens in every head: those of `off` and of uniform policies in the fresh list,
// those of a policy that judges in its tiers by shares[head % shares.size()][tier], the rest pruned. Pages lie in
// random order. Afterwards the sequence is as one that was judged at its end. REQUIRES shares not empty where the
// policy judges and, of a cache with a keeper, that it holds nothing else and never did. False, and nothing changed,
// when the pages do not suffice.
[[nodiscard]] bool fill_synthetic(KvCache& cache, SlotId slot, int depth, std::span<const std::vector<double>> shares);

}  // namespace leankv
