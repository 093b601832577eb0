// A model that is named by where it can be had, instead of by a file.
#pragma once

#include <string>

namespace leankv {

struct DownloadOptions {
  std::string repo;   // "user/repo" or "user/repo:quant" of Hugging Face
  std::string file;   // of that repository, instead of a quant
  std::string url;    // or any file of the web
  std::string token;  // empty: HF_TOKEN

  bool asked() const { return !repo.empty() || !url.empty(); }
};

}  // namespace leankv
