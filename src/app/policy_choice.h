// Which policy the options name.
#pragma once

#include "app/options.h"
#include "kv/policy.h"

namespace leankv {

// `safe` when nothing is said. Throws kBadOption when more than one way is used, or as parse_policy does.
Policy choose_policy(const PolicyWords& words);

}  // namespace leankv
