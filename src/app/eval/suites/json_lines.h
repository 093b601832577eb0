// Data sets of one JSON object per line.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

namespace leankv {

// Throws kBadFile, saying what to do, where the file is not there, is compressed, has a line that is no object, or an
// object without one of these texts.
std::vector<nlohmann::json> read_json_lines(const std::string& path, const std::vector<std::string>& texts);

// --data of a suite. Throws kBadOption where none was given. what: what to fetch, and from where.
const std::string& data_path(const std::string& given, const std::string& what);

// The first `shots` examples precede each question; the next at most `questions` (none: all) are asked.
struct DataSplit {
  int shots = 0, questions = 0;
};
// Throws kBadOption where the file has no question left.
DataSplit split_data(int examples, int shots, int questions);

}  // namespace leankv
