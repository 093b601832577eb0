#pragma once

#include "app/options.h"

namespace leankv {

// `leankv eval multi`.
void run_multi(const AppOptions& options);

}  // namespace leankv
