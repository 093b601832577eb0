// A sequence's cache as bytes: what is known of it and its pages, so that it can go on in another process.
#pragma once

#include <optional>
#include <string_view>

#include "backend/kv_cache.h"
#include "base/byte_archive.h"

namespace leankv {

// REQUIRES a cache without a keeper (here and in load_cache).
void save_cache(const KvCache& cache, SlotId slot, ByteWriter& to);

// Into this slot. None when its pages do not fit beside the reserve. Throws kBadFile, naming the file, where the bytes
// are of no cache of this shape, page size and tiers, or contradict themselves. REQUIRES a free slot.
std::optional<SequenceCache> load_cache(KvCache& cache, SlotId slot, ByteReader& from, std::string_view name);

}  // namespace leankv
