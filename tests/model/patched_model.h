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
  explicit PatchedModel(const std::string& model = "llama/tiny.gguf") {
    for (const std::byte byte : test::file_bytes(test::golden_path(model))) bytes_.push_back(char(byte));
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
  // Puts a key in front of the others, and a text that keeps the alignment of what follows.
  PatchedModel& add(const std::string& key, float value) { return add(key, 6, bytes_of(value)); }
  PatchedModel& add(const std::string& key, const std::string& value) { return add(key, 8, text_of(value)); }
  // Valid as long as this.
  GgufFile file() const { return GgufFile(std::as_bytes(std::span(bytes_)), "patched.gguf"); }

 private:
  template <class T>
  static std::string bytes_of(T value) {
    return {reinterpret_cast<const char*>(&value), sizeof value};
  }
  static std::string text_of(const std::string& text) { return bytes_of(uint64_t(text.size())) + text; }
  // GGUF: magic, version, number of tensors, number of keys; then key, type, value of each.
  PatchedModel& add(const std::string& key, uint32_t type, const std::string& value) {
    constexpr std::size_t kKeysAt = 16, kFirstAt = 24, kAlignment = 32;
    std::string entry = text_of(key) + bytes_of(type) + value;
    const std::string pad_key = text_of("pad" + key) + bytes_of(uint32_t(8));
    const std::size_t bytes = entry.size() + pad_key.size() + 8;
    entry += pad_key + text_of(std::string((kAlignment - bytes % kAlignment) % kAlignment, ' '));
    uint64_t keys = 0;
    std::memcpy(&keys, &bytes_[kKeysAt], sizeof keys);
    bytes_.replace(kKeysAt, sizeof keys, bytes_of(keys + 2)).insert(kFirstAt, entry);
    return *this;
  }
  std::size_t find(const std::string& what) const {
    const std::size_t at = bytes_.find(what);
    LEANKV_CHECK(at != std::string::npos);
    return at;
  }
  std::string bytes_;
};

}  // namespace leankv::testing
