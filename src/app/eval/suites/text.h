#pragma once

#include "app/options.h"

namespace leankv {

// `leankv eval text FILE`.
void run_text(const AppOptions& options);

}  // namespace leankv
