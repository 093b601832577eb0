// The backends by name: one row each.
#pragma once

#include <string_view>

#include "backend/backend.h"
#include "engine/options.h"

namespace leankv {

// Throws kBadOption for a name that is none, listing those that are.
Backend make_backend(const EngineOptions& options);

}  // namespace leankv
