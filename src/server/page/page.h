// The web page: files inside the program.
#pragma once

#include <vector>

#include "server/http/router.h"

namespace leankv {

// One public route per file of this folder; index.html is served at "/", too. The page asks the API like any client, so
// that it needs a key where the server has one.
std::vector<Route> page_routes();

}  // namespace leankv
