// One file of the web, whole and checked, under its name.
#pragma once

#include <cstdint>
#include <functional>
#include <string>

#include "app/download/transfer.h"

namespace leankv {

struct Download {
  std::string url;
  std::string path;    // its folder is there and locked (folder_lock.h)
  std::string token;   // for the URL's host
  int64_t bytes = -1;  // -1: what the server says
  std::string sha256;  // empty: what the server says, if it does
  std::string what;    // for messages: "user/repo"
};

// How everything that is fetched is fetched.
struct DownloadManner {
  TransferLimits limits;
  bool show_progress = false;  // on stderr
  std::function<bool()> should_stop;
  std::function<void(const std::string&)> say;  // a line for the user
};

// Goes on where an earlier call was broken off, as long as the file is the same (its ETag). Throws kBadFile and, where
// the disk is too small, kDoesNotFit; what has come stays for the next call.
void download(const Download& file, const DownloadManner& manner);

// The whole of a small answer. Throws kBadFile.
std::string download_text(const Download& file, const DownloadManner& manner);

}  // namespace leankv
