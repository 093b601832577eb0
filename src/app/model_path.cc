#include "app/model_path.h"

#include <cstdlib>
#include <filesystem>

#include "base/error.h"

namespace leankv {
namespace {

constexpr const char* kDefaultModel = "SmolLM2-135M-Instruct.Q4_1.gguf";  // what scripts/get-model fetches

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

}  // namespace

std::string cache_folder() {
  if (const std::string folder = variable("LEANKV_CACHE"); !folder.empty()) return folder;
  if (const std::string folder = variable("XDG_CACHE_HOME"); !folder.empty()) return folder + "/leankv";
  return variable("HOME") + "/.cache/leankv";
}

std::string resolve_model(const std::string& given) {
  if (!given.empty()) return given;
  const std::string path = cache_folder() + "/" + kDefaultModel;
  if (std::filesystem::exists(path)) return path;
  throw Error(ErrorKind::kBadFile,
              "no model: " + path + " is not there; run scripts/get-model (98 MB), or give a GGUF file with -m");
}

}  // namespace leankv
