#pragma once

#include "app/options.h"

namespace leankv {

// `leankv eval needle`.
void run_needle(const AppOptions& options);

}  // namespace leankv
