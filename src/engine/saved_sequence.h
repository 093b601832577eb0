// A kept sequence as the bytes of a file, so that a conversation outlives the program.
#pragma once

#include <optional>
#include <span>
#include <string_view>
#include <vector>

#include "engine/engine.h"

namespace leankv {

// Throws kUnsupported where the cache lies on a device.
std::vector<std::byte> save_sequence(const Engine& engine, const Sequence& sequence);

// Into this slot. None when the pool has no room for its pages now. Throws kBadFile, naming the file, for bytes that
// are damaged, of another version, of another model, or of a cache with other pages; kUnsupported as above. REQUIRES a
// free slot.
std::optional<Sequence> load_sequence(Engine& engine, SlotId slot, std::span<const std::byte> bytes,
                                      std::string_view name);

}  // namespace leankv
