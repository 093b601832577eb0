// One conversation or text: its tokens and its lease on the cache.
#pragma once

#include <cstdint>
#include <optional>
#include <utility>
#include <vector>

#include "backend/kv_cache.h"

namespace leankv {

// Made by Engine::start; must not outlive its engine. Dropping it gives every page back.
struct Sequence {
  explicit Sequence(SequenceCache lease) : cache(std::move(lease)) {}
  SlotId slot() const { return cache.slot(); }

  SequenceCache cache;
  std::vector<int> tokens;  // fed so far
  int prompt_tokens = 0;    // of the first prompt: the first judgement comes after it
  // Pages that it may hold, whatever else is in the pool, so that what it keeps does not depend on others; empty: as
  // many as are free when it matters.
  std::optional<uint32_t> most_pages;
};

}  // namespace leankv
