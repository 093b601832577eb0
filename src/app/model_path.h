// Where the model is when the command line does not say.
#pragma once

#include <string>

namespace leankv {

// $LEANKV_CACHE, else $XDG_CACHE_HOME/leankv, else ~/.cache/leankv.
std::string cache_folder();

// `given`, or the default model in the cache folder. Throws kBadFile, naming scripts/get-model, when neither is there.
std::string resolve_model(const std::string& given);

}  // namespace leankv
