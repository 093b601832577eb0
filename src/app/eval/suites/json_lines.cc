#include "app/eval/suites/json_lines.h"

#include <fmt/format.h>

#include <algorithm>
#include <sstream>

#include "app/files.h"
#include "base/error.h"
#include "base/trimmed.h"

namespace leankv {
namespace {

constexpr std::string_view kGzip = "\x1f\x8b";  // RFC 1952

[[noreturn]] void refuse(const std::string& where, const std::string& what) {
  throw Error(ErrorKind::kBadFile, where + ": " + what);
}

}  // namespace

std::vector<nlohmann::json> read_json_lines(const std::string& path, const std::vector<std::string>& texts) {
  const std::string content = read_file(path);
  if (content.starts_with(kGzip)) refuse(path, "is compressed: gunzip it first");
  std::vector<nlohmann::json> objects;
  std::istringstream lines(content);
  std::string line;
  for (int number = 1; std::getline(lines, line); ++number) {
    if (trimmed(line).empty()) continue;
    const std::string where = fmt::format("{}, line {}", path, number);
    nlohmann::json json = nlohmann::json::parse(line, nullptr, false);
    if (!json.is_object()) refuse(where, "is no JSON object; one per line is needed");
    for (const std::string& name : texts) {
      if (!json.contains(name) || !json[name].is_string()) refuse(where, "has no text '" + name + "'");
    }
    objects.push_back(std::move(json));
  }
  if (objects.empty()) refuse(path, "is empty");
  return objects;
}

const std::string& data_path(const std::string& given, const std::string& what) {
  if (given.empty()) throw Error(ErrorKind::kBadOption, "no data: give --data FILE, " + what);
  return given;
}

DataSplit split_data(int examples, int shots, int questions) {
  if (examples <= shots) {
    throw Error(ErrorKind::kBadOption,
                fmt::format("--shots {}: the data's {} examples leave no question", shots, examples));
  }
  return {shots, std::min(questions, examples - shots)};
}

}  // namespace leankv
