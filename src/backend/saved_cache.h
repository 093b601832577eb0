// A sequence's cache as bytes: what is known of it and its pages, so that it can go on in another process.
#pragma once

#include <span>
#include <string_view>

#include "backend/kv_cache.h"
#include "base/byte_archive.h"

namespace leankv {

// REQUIRES a cache without a keeper (here and in read_cache).
void save_cache(const KvCache& cache, SlotId slot, ByteWriter& to);

// As KvCache::restore takes it; pages is a view of what was read.
struct SavedCache {
  SequenceState state;
  std::span<const std::byte> pages;
};

// Throws kBadFile, naming the file, where the bytes are of no cache of this shape, page size and tiers, or contradict
// themselves.
SavedCache read_cache(const KvCache& cache, ByteReader& from, std::string_view name);

}  // namespace leankv
