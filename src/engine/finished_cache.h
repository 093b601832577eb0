// What the cache of a finished answer was like, so that one can look at it after its pages have gone.
#pragma once

#include <cstddef>
#include <string>

#include "backend/cache_usage.h"
#include "backend/sequence_state.h"

namespace leankv {

// Of 8,192 tokens and 256 heads one takes 8 MiB.
inline constexpr std::size_t kRememberedCaches = 8;

struct FinishedCache {
  std::string label;
  int choice = 0;
  int prompt_tokens = 0;
  CacheUsage usage;
  SequenceState state;  // policy, counts and positions; nothing that refers to pages
};

}  // namespace leankv
