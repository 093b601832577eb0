// "user/repo:quant", and where the hub lists and serves such a repository's files.
#pragma once

#include <string>

namespace leankv {

struct HubName {
  std::string repo;   // "user/repo"
  std::string quant;  // "Q8_0" as it was typed; empty: none was asked for
};

HubName parse_hub_name(const std::string& text);  // throws kBadOption

// $HF_ENDPOINT (as huggingface_hub), else $MODEL_ENDPOINT (as llama.cpp), else https://huggingface.co; no slash at its
// end.
std::string hub_endpoint();

std::string listing_url(const std::string& endpoint, const std::string& repo);
std::string file_url(const std::string& endpoint, const std::string& repo, const std::string& path);

}  // namespace leankv
