// A kept sequence as the bytes of a file, so that a conversation outlives the program.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "backend/saved_cache.h"
#include "engine/engine.h"

namespace leankv {

// Throws kUnsupported where the cache lies on a device.
std::vector<std::byte> save_sequence(const Engine& engine, const Sequence& sequence);

struct SavedSequence {
  std::vector<int> tokens;
  int prompt_tokens = 0;
  SavedCache cache;  // a view of the bytes
};

// Throws kBadFile, naming the file, for bytes that are damaged, of another version, of another model, or of a cache
// with other pages; kUnsupported as above.
SavedSequence read_sequence(const Engine& engine, std::span<const std::byte> bytes, std::string_view name);
// None when the pool has no room for its pages now. REQUIRES a free slot.
std::optional<Sequence> place_sequence(Engine& engine, SlotId slot, const SavedSequence& saved);

}  // namespace leankv
