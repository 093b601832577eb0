// What files a repository has, as the hub's API says.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace leankv {

struct HubFile {
  std::string path;    // in the repository; names nothing outside of the folder it is put into
  int64_t bytes = -1;  // -1: not said
  std::string sha256;  // hexadecimal; empty: not said
};

// The GGUF files of the answer to listing_url(). Throws kBadFile for what is no listing.
std::vector<HubFile> parse_listing(const std::string& json);

// 64 hexadecimal digits.
bool is_sha256(const std::string& text);

// No absolute path, no "..", no control characters, no backslash: may be put below a folder.
bool stays_inside(const std::string& path);

}  // namespace leankv
