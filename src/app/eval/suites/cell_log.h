// What a long run has done so far, in a file beside its result, so that it goes on where it was stopped.
#pragma once

#include <fstream>
#include <map>
#include <nlohmann/json.hpp>
#include <string>

namespace leankv {

// FILE.part: JSON lines, the first says of which run, the others are [key, result]. A last line that was not finished
// is as if it were not there. Without a path nothing is kept.
class CellLog {
 public:
  // run: all that results depend on beside their keys. Throws kBadFile where FILE.part cannot be written, or is of
  // another run.
  CellLog(const std::string& path, const nlohmann::ordered_json& run);

  const nlohmann::ordered_json* find(const std::string& key) const;  // nullptr: not done yet
  void add(const std::string& key, const nlohmann::ordered_json& result);
  const std::string& part() const { return part_; }
  // Writes FILE and takes FILE.part away.
  void finish(const nlohmann::ordered_json& content);

 private:
  void read(const nlohmann::ordered_json& run);
  void check_written();

  std::string path_, part_;
  std::ofstream stream_;
  std::map<std::string, nlohmann::ordered_json> done_;
};

}  // namespace leankv
