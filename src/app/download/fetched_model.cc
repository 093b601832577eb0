#include "app/download/fetched_model.h"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "app/byte_size.h"
#include "app/download/file_choice.h"
#include "app/download/folder_lock.h"
#include "app/download/hub_name.h"
#include "app/download/sha256.h"
#include "app/files.h"
#include "base/error.h"
#include "base/letter_case.h"

namespace leankv {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kUrlDigits = 16;  // 2^64 URLs: no two of a user's are alike

[[noreturn]] void refuse(const std::string& message) { throw Error(ErrorKind::kBadOption, message); }

// It becomes a line of an HTTP header.
std::string token_of(const DownloadOptions& options) {
  const char* variable = std::getenv("HF_TOKEN");
  const std::string token = !options.token.empty() ? options.token : variable == nullptr ? "" : variable;
  if (!std::ranges::all_of(token, [](unsigned char c) { return std::isgraph(c) != 0; })) {
    refuse("HF_TOKEN or --hf-token: has characters that no token has");
  }
  return token;
}

void fetch(const Download& file, const DownloadManner& manner) {
  fs::create_directories(fs::path(file.path).parent_path());
  const std::string size = file.bytes < 0 ? "" : " (" + format_bytes(double(file.bytes)) + ")";
  manner.say("downloading " + file.url + size + " to " + file.path);
  download(file, manner);
}

// A repository's folder in the cache.
class HubRepository {
 public:
  HubRepository(const DownloadOptions& options, const FetchPlace& place, const DownloadManner& manner)
      : name_(parse_hub_name(options.repo)),
        file_(options.file),
        endpoint_(place.endpoint),
        folder_(place.cache + "/hub/" + name_.repo),
        token_(token_of(options)),
        manner_(manner) {
    if (!file_.empty() && !name_.quant.empty())
      refuse("-hff and the quant of -hf " + options.repo + " both choose the file");
    if (!file_.empty() && !stays_inside(file_)) refuse("-hff: '" + file_ + "' is no path in a repository");
  }

  std::string path() const {
    if (const std::string path = kept(); !path.empty()) return path;
    const FolderLock lock(
        folder_, [&] { manner_.say(folder_ + ": waiting for another process that downloads to it"); },
        manner_.should_stop);
    if (const std::string path = kept(); !path.empty()) return path;
    const HubFile file = choose();
    const std::string path = folder_ + "/" + file.path;
    if (!fs::exists(path)) {
      fetch({file_url(endpoint_, name_.repo, file.path), path, token_, file.bytes, file.sha256, name_.repo}, manner_);
    }
    if (file_.empty()) write_file(choice_path(), file.path);
    return path;
  }

 private:
  std::string choice_path() const {
    return folder_ + "/.chosen" + (name_.quant.empty() ? "" : "-" + upper(name_.quant));
  }

  // Empty: not in the cache.
  std::string kept() const {
    if (file_.empty() && !fs::exists(choice_path())) return "";
    const std::string file = file_.empty() ? read_file(choice_path()) : file_;
    const std::string path = folder_ + "/" + file;
    return stays_inside(file) && fs::exists(path) ? path : "";
  }

  HubFile choose() const {
    const Download listing{listing_url(endpoint_, name_.repo), "", token_, -1, "", name_.repo};
    const std::vector<HubFile> files = parse_listing(download_text(listing, manner_));
    return file_.empty() ? choose_file(files, name_.quant, name_.repo) : find_file(files, file_, name_.repo);
  }

  HubName name_;
  std::string file_, endpoint_, folder_, token_;
  const DownloadManner& manner_;
};

// Without the query; "model.gguf" where nothing is left.
std::string name_in(const std::string& url) {
  const std::string path = url.substr(0, url.find_first_of("?#"));
  const std::string name = path.substr(path.rfind('/') + 1);
  return stays_inside(name) && !name.starts_with('.') ? name : "model.gguf";
}

std::string url_model(const DownloadOptions& options, const FetchPlace& place, const DownloadManner& manner) {
  const std::string& url = options.url;
  if (!url.starts_with("https://") && !url.starts_with("http://")) {
    refuse("-mu: '" + url + "' begins with neither https:// nor http://");
  }
  const std::string folder = place.cache + "/url/" + sha256_of_text(url).substr(0, kUrlDigits);
  const std::string path = folder + "/" + name_in(url);
  if (fs::exists(path)) return path;
  const FolderLock lock(
      folder, [&] { manner.say(folder + ": waiting for another process that downloads to it"); }, manner.should_stop);
  if (fs::exists(path)) return path;
  const std::string token = url.starts_with(place.endpoint + "/") ? token_of(options) : "";
  fetch({url, path, token, -1, "", url}, manner);
  return path;
}

}  // namespace

std::string fetched_model(const DownloadOptions& options, const FetchPlace& place, const DownloadManner& manner) {
  return options.repo.empty() ? url_model(options, place, manner) : HubRepository(options, place, manner).path();
}

}  // namespace leankv
