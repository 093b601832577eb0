// Models that are named by where they can be had, kept in the cache folder:
//   hub/USER/REPO/FILE     and beside the files what was chosen when no file was named: .chosen, .chosen-QUANT
//   url/DIGITS/FILE        DIGITS: of the URL's SHA-256
#pragma once

#include <string>

#include "app/download/download.h"
#include "app/download/options.h"

namespace leankv {

struct FetchPlace {
  std::string cache;     // folder
  std::string endpoint;  // hub_endpoint()
};

// The path of the file. What the cache has is used as it is, without any network; else it is fetched.
// REQUIRES options.asked(). Throws Error.
std::string fetched_model(const DownloadOptions& options, const FetchPlace& place, const DownloadManner& manner);

}  // namespace leankv
