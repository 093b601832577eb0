#include "app/download/hub_name.h"

#include <algorithm>
#include <cstdlib>
#include <string_view>

#include "base/error.h"

namespace leankv {
namespace {

constexpr std::string_view kLetters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789";

// What the hub allows in names; a leading dot would be a hidden or a parent folder of the cache.
bool is_name(std::string_view text) {
  return !text.empty() && text.front() != '.' && std::ranges::all_of(text, [](char c) {
    return kLetters.find(c) != kLetters.npos || c == '-' || c == '_' || c == '.';
  });
}

// RFC 3986, 2.1: everything but unreserved characters and the path's own slashes.
std::string escape_path(std::string_view path) {
  constexpr std::string_view kDigits = "0123456789ABCDEF";
  std::string text;
  for (const unsigned char c : path) {
    if ((kLetters.find(char(c)) != kLetters.npos) ||
        std::string_view("-._~/").find(char(c)) != std::string_view::npos) {
      text += char(c);
    } else {
      text += {'%', kDigits[c >> 4], kDigits[c & 15]};
    }
  }
  return text;
}

}  // namespace

HubName parse_hub_name(const std::string& text) {
  const std::size_t slash = text.find('/'), colon = text.find(':');
  HubName name{text.substr(0, colon), colon == text.npos ? "" : text.substr(colon + 1)};
  const bool good = slash < colon && is_name(name.repo.substr(0, slash)) && is_name(name.repo.substr(slash + 1));
  if (!good || (colon != text.npos && !is_name(name.quant))) {
    throw Error(ErrorKind::kBadOption, "-hf: '" + text + "' is not of the form user/repo or user/repo:quant");
  }
  if (name.quant == "latest") name.quant = "";  // a habit of other programs
  return name;
}

std::string hub_endpoint() {
  std::string endpoint = "https://huggingface.co";
  for (const char* variable : {"HF_ENDPOINT", "MODEL_ENDPOINT"}) {
    const char* value = std::getenv(variable);
    if (value == nullptr || *value == '\0') continue;
    endpoint = value;
    break;
  }
  while (endpoint.ends_with('/')) endpoint.pop_back();
  return endpoint;
}

std::string listing_url(const std::string& endpoint, const std::string& repo) {
  return endpoint + "/api/models/" + repo + "/tree/main?recursive=true";
}

std::string file_url(const std::string& endpoint, const std::string& repo, const std::string& path) {
  return endpoint + "/" + repo + "/resolve/main/" + escape_path(path);
}

}  // namespace leankv
