// Copies of a tiny model's file with a few bytes changed.
#pragma once

#include <cstring>
#include <string>

#include "base/error.h"
#include "loader/file_bytes.h"
#include "loader/gguf.h"

namespace leankv::testing {

class PatchedModel {
 public:
  PatchedModel() {
    for (const std::byte byte : test::file_bytes(test::golden_path("llama/tiny.gguf"))) bytes_.push_back(char(byte));
  }

  // Puts `now` in the place of the first `then`, which is as long.
  PatchedModel& text(const std::string& then, const std::string& now) {
    LEANKV_CHECK(then.size() == now.size());
    bytes_.replace(find(then), then.size(), now);
    return *this;
  }
  // A metadata value of 4 bytes: key, 4 bytes of type, value.
  template <class T>
  PatchedModel& value(const std::string& key, T now) {
    static_assert(sizeof(T) == 4);
    std::memcpy(&bytes_[find(key) + key.size() + 4], &now, 4);
    return *this;
  }
  // Valid as long as this.
  GgufFile file() const { return GgufFile(std::as_bytes(std::span(bytes_)), "patched.gguf"); }

 private:
  std::size_t find(const std::string& what) const {
    const std::size_t at = bytes_.find(what);
    LEANKV_CHECK(at != std::string::npos);
    return at;
  }
  std::string bytes_;
};

}  // namespace leankv::testing
