#include "app/model_path.h"

#include <fmt/format.h>

#include <cstdio>
#include <cstdlib>
#include <filesystem>

#include "app/download/fetched_model.h"
#include "app/download/hub_name.h"
#include "app/interrupt.h"
#include "app/progress_bar.h"
#include "base/error.h"
#include "loader/printable.h"

namespace leankv {
namespace {

constexpr std::size_t kLongestLine = 2000;                                // bytes
constexpr const char* kDefaultModel = "SmolLM2-135M-Instruct.Q4_1.gguf";  // what scripts/get-model fetches

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

std::string fetch(const AppOptions& options) {
  DownloadManner manner;
  manner.show_progress = options.progress && stderr_is_terminal();
  manner.should_stop = interrupted;
  manner.say = [](const std::string& line) { fmt::print(stderr, "{}\n", printable(line, kLongestLine)); };
  return fetched_model(options.download, {cache_folder(), hub_endpoint()}, manner);
}

}  // namespace

std::string cache_folder() {
  if (const std::string folder = variable("LEANKV_CACHE"); !folder.empty()) return folder;
  if (const std::string folder = variable("XDG_CACHE_HOME"); !folder.empty()) return folder + "/leankv";
  return variable("HOME") + "/.cache/leankv";
}

std::string resolve_model(const AppOptions& options) {
  if (options.download.asked()) return fetch(options);
  if (!options.download.file.empty()) throw Error(ErrorKind::kBadOption, "-hff names a file of -hf's repository");
  if (!options.engine.model_path.empty()) return options.engine.model_path;
  const std::string path = cache_folder() + "/" + kDefaultModel;
  if (std::filesystem::exists(path)) return path;
  throw Error(
      ErrorKind::kBadFile,
      "no model: " + path +
          " is not there; run scripts/get-model (98 MB), or give a GGUF file with -m, or a repository with -hf");
}

}  // namespace leankv
