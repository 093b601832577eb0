// A GGUF file, version 2 or 3: metadata by key, tensors by name.
#pragma once

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/tensor_view.h"
#include "loader/gguf_parser.h"
#include "loader/mapped_file.h"

namespace leankv {

// Move-only owner of the mapped file; everything that it hands out is a view, valid while this object or the one it
// was moved into lives. Read-only, so usable from any thread. The whole table of contents has been checked when the
// constructor returns; it throws kBadFile or kUnsupported in one line that starts with the path.
class GgufFile {
 public:
  explicit GgufFile(const std::string& path);
  // bytes must outlive the object; name stands for the path in messages.
  GgufFile(std::span<const std::byte> bytes, std::string name);

  const std::string& name() const { return name_; }
  uint32_t version() const { return contents_.version; }
  uint64_t size_bytes() const { return bytes_.size(); }
  std::span<const std::byte> bytes() const { return bytes_; }

  std::span<const MetadataEntry> metadata() const { return contents_.metadata; }
  const GgufValue* find(std::string_view key) const;  // nullptr when absent

  // Each throws kBadFile, naming the key, when the value has another type; without a fallback also when it is absent.
  int64_t integer(std::string_view key, std::optional<int64_t> fallback = {}) const;
  double number(std::string_view key, std::optional<double> fallback = {}) const;  // integers count as numbers
  bool boolean(std::string_view key, std::optional<bool> fallback = {}) const;
  std::string_view string(std::string_view key, std::optional<std::string_view> fallback = {}) const;
  std::vector<int64_t> integers(std::string_view key) const;  // truth values count as 0 and 1
  std::vector<double> numbers(std::string_view key) const;
  std::vector<std::string_view> strings(std::string_view key) const;

  std::span<const TensorInfo> tensors() const { return contents_.tensors; }
  bool has_tensor(std::string_view tensor_name) const { return tensor_index_.contains(tensor_name); }
  // rows = shape[1] (1 for a vector), columns = shape[0]. Throws kBadFile when absent, kUnsupported when the type is
  // not among weight_formats() or there are more than two dimensions.
  TensorView tensor(std::string_view tensor_name) const;

 private:
  void index();
  template <class T>
  T get(std::string_view key, std::optional<T> (GgufValue::*read)() const, const char* wanted,
        std::optional<T> fallback) const;

  std::optional<MappedFile> file_;  // empty when made from bytes
  std::string name_;
  std::span<const std::byte> bytes_;
  GgufContents contents_;
  std::unordered_map<std::string_view, std::size_t> key_index_;     // into contents_.metadata
  std::unordered_map<std::string_view, std::size_t> tensor_index_;  // into contents_.tensors
};

}  // namespace leankv
