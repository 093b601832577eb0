#include "app/eval/suites/cell_log.h"

#include <filesystem>
#include <optional>

#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

using Json = nlohmann::ordered_json;

std::string one_line(const Json& json) { return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n"; }

std::optional<Json> parsed(const std::string& line) {
  Json json = Json::parse(line, nullptr, false);
  if (json.is_discarded()) return std::nullopt;
  return json;
}

}  // namespace

CellLog::CellLog(const std::string& path, const Json& run) : path_(path), part_(path.empty() ? "" : path + ".part") {
  if (path_.empty()) return;
  read(run);
  stream_.open(part_, std::ios::binary | std::ios::trunc);
  stream_ << one_line(run);
  for (const auto& [key, result] : done_) stream_ << one_line({key, result});
  stream_.flush();
  check_written();
}

// What is there of this run. A file that was begun and not finished in its first line is none.
void CellLog::read(const Json& run) {
  std::ifstream file(part_, std::ios::binary);
  std::string line;
  if (!file || !std::getline(file, line)) return;
  const std::optional<Json> first = parsed(line);
  if (!first) return;
  if (*first != run) {
    throw Error(ErrorKind::kBadFile,
                part_ + ": is of a run with other settings: repeat those, name another --json, or delete it");
  }
  while (std::getline(file, line)) {
    const std::optional<Json> entry = parsed(line);
    if (entry && entry->is_array() && entry->size() == 2) done_[(*entry)[0].get<std::string>()] = (*entry)[1];
  }
}

void CellLog::check_written() {
  if (!stream_) throw Error(ErrorKind::kBadFile, part_ + ": cannot be written");
}

const Json* CellLog::find(const std::string& key) const {
  const auto found = done_.find(key);
  return found == done_.end() ? nullptr : &found->second;
}

void CellLog::add(const std::string& key, const Json& result) {
  done_[key] = result;
  if (path_.empty()) return;
  stream_ << one_line({key, result});
  stream_.flush();
  check_written();
}

void CellLog::finish(const Json& content) {
  if (path_.empty()) return;
  stream_.close();
  write_json(path_ + ".new", content);
  std::filesystem::rename(path_ + ".new", path_);
  std::filesystem::remove(part_);
}

}  // namespace leankv
