// What every head of a sequence holds, tier by tier: shown by /kv, written by /save and --stats-json, and shown again
// by `leankv inspect`.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "backend/kv_cache.h"

namespace leankv {

// {"tokens", "head_dim", "lists": [names], "heads": [{"layer", "head", "tokens": [lists], "bytes": [lists],
// "pruned"}]}; bytes are whole pages.
nlohmann::ordered_json heads_json(const KvCache& cache, SlotId slot);

// The same as a table. Throws kBadFile for JSON of another form.
std::string heads_table(const nlohmann::ordered_json& report);

}  // namespace leankv
