#include "app/download/hub_listing.h"

#include <algorithm>
#include <cctype>
#include <filesystem>
#include <nlohmann/json.hpp>

#include "base/error.h"
#include "base/letter_case.h"

namespace leankv {
namespace {

using Json = nlohmann::json;

bool is_gguf(const std::string& path) { return lower(path).ends_with(".gguf"); }

std::string text_of(const Json& object, const char* key) {
  const auto found = object.find(key);
  return found != object.end() && found->is_string() ? found->get<std::string>() : "";
}

HubFile file_of(const Json& entry) {
  HubFile file{text_of(entry, "path"), -1, ""};
  if (const auto size = entry.find("size"); size != entry.end() && size->is_number_integer()) {
    file.bytes = std::max<int64_t>(size->get<int64_t>(), -1);
  }
  // What lies in the large-file store is named by its SHA-256; of other files the hub says only git's hash.
  if (const auto lfs = entry.find("lfs"); lfs != entry.end() && lfs->is_object()) {
    const std::string oid = text_of(*lfs, "oid");
    if (is_sha256(oid)) file.sha256 = oid;
  }
  return file;
}

}  // namespace

bool is_sha256(const std::string& text) {
  return text.size() == 64 && std::ranges::all_of(text, [](unsigned char c) { return std::isxdigit(c) != 0; });
}

bool stays_inside(const std::string& path) {
  const std::filesystem::path p(path);
  return !path.empty() && p.is_relative() && std::ranges::none_of(p, [](const auto& part) { return part == ".."; }) &&
         std::ranges::none_of(path, [](unsigned char c) { return std::iscntrl(c) != 0 || c == '\\'; });
}

std::vector<HubFile> parse_listing(const std::string& json) {
  const Json entries = Json::parse(json, nullptr, false);
  if (!entries.is_array()) throw Error(ErrorKind::kBadFile, "the answer is no list of files");
  std::vector<HubFile> files;
  for (const Json& entry : entries) {
    if (!entry.is_object() || text_of(entry, "type") == "directory") continue;
    HubFile file = file_of(entry);
    if (is_gguf(file.path) && stays_inside(file.path)) files.push_back(std::move(file));
  }
  return files;
}

}  // namespace leankv
