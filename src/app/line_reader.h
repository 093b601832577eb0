// Lines from the user: edited and with a history on a terminal, plain from a pipe.
#pragma once

#include <memory>
#include <optional>
#include <string>

namespace leankv {

// One per process: it owns the terminal while read() runs.
class LineReader {
 public:
  explicit LineReader(std::string prompt);  // shown on a terminal only
  ~LineReader();
  LineReader(const LineReader&) = delete;
  LineReader& operator=(const LineReader&) = delete;

  // The next line without its end; none at the end of input, or after Ctrl-C twice.
  std::optional<std::string> read();
  bool is_terminal() const { return terminal_ != nullptr; }

 private:
  struct Terminal;
  std::unique_ptr<Terminal> terminal_;  // empty where stdin is none
};

}  // namespace leankv
