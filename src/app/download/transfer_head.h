// Reads the header lines of an HTTP answer, and of those before it that redirected.
#pragma once

#include <string_view>

#include "app/download/transfer.h"

namespace leankv {

class HeadReader {
 public:
  void line(std::string_view text);  // with or without its line end
  const TransferHead& head() const { return head_; }

 private:
  void status_line(std::string_view text);
  void content_range(std::string_view value);

  TransferHead head_;
};

}  // namespace leankv
