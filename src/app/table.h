// Text in columns.
#pragma once

#include <string>
#include <vector>

namespace leankv {

// The first column to the left, the others to the right, two blanks between; columns count characters, not bytes.
class Table {
 public:
  explicit Table(std::vector<std::string> head) : rows_{std::move(head)} {}
  void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }  // may be shorter than the head
  std::string text() const;                                                    // lines without trailing blanks

 private:
  std::vector<std::vector<std::string>> rows_;
};

}  // namespace leankv
