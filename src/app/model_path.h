// Where the model is that the command line names, or the default one.
#pragma once

#include <string>

#include "app/options.h"

namespace leankv {

// $LEANKV_CACHE, else $XDG_CACHE_HOME/leankv, else ~/.cache/leankv.
std::string cache_folder();

// The file of -m; that of -hf or -mu, which is fetched to the cache folder where it is not there yet, with a bar on
// stderr; else the default model. Throws Error, and kBadFile, naming scripts/get-model, when there is none.
std::string resolve_model(const AppOptions& options);

}  // namespace leankv
