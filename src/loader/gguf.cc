#include "loader/gguf.h"

#include <utility>

#include "base/error.h"
#include "loader/printable.h"
#include "loader/tensor_type.h"

namespace leankv {

GgufFile::GgufFile(const std::string& path) : file_(path), name_(path), bytes_(file_->bytes()) { index(); }

GgufFile::GgufFile(std::span<const std::byte> bytes, std::string name) : name_(std::move(name)), bytes_(bytes) {
  index();
}

void GgufFile::index() {
  contents_ = parse_gguf(bytes_, name_);
  for (std::size_t i = 0; i < contents_.metadata.size(); ++i) key_index_.emplace(contents_.metadata[i].key, i);
  for (std::size_t i = 0; i < contents_.tensors.size(); ++i) tensor_index_.emplace(contents_.tensors[i].name, i);
}

const GgufValue* GgufFile::find(std::string_view key) const {
  const auto found = key_index_.find(key);
  return found == key_index_.end() ? nullptr : &contents_.metadata[found->second].value;
}

template <class T>
T GgufFile::get(std::string_view key, std::optional<T> (GgufValue::*read)() const, const char* wanted,
                std::optional<T> fallback) const {
  const GgufValue* value = find(key);
  if (value == nullptr) {
    if (fallback) return *std::move(fallback);
    throw Error(ErrorKind::kBadFile, name_ + ": key '" + std::string(key) + "' is missing");
  }
  std::optional<T> result = (value->*read)();
  if (result) return *std::move(result);
  throw Error(ErrorKind::kBadFile,
              name_ + ": key '" + std::string(key) + "' must be " + wanted + ", but it is " + value->kind());
}

int64_t GgufFile::integer(std::string_view key, std::optional<int64_t> fallback) const {
  return get<int64_t>(key, &GgufValue::integer, "an integer below 2^63", fallback);
}

double GgufFile::number(std::string_view key, std::optional<double> fallback) const {
  return get<double>(key, &GgufValue::number, "a number", fallback);
}

bool GgufFile::boolean(std::string_view key, std::optional<bool> fallback) const {
  return get<bool>(key, &GgufValue::boolean, "a bool", fallback);
}

std::string_view GgufFile::string(std::string_view key, std::optional<std::string_view> fallback) const {
  return get<std::string_view>(key, &GgufValue::string, "a string", fallback);
}

std::vector<int64_t> GgufFile::integers(std::string_view key) const {
  return get<std::vector<int64_t>>(key, &GgufValue::integers, "an array of integers below 2^63", {});
}

std::vector<double> GgufFile::numbers(std::string_view key) const {
  return get<std::vector<double>>(key, &GgufValue::numbers, "an array of numbers", {});
}

std::vector<std::string_view> GgufFile::strings(std::string_view key) const {
  return get<std::vector<std::string_view>>(key, &GgufValue::strings, "an array of strings", {});
}

TensorView GgufFile::tensor(std::string_view tensor_name) const {
  const std::string where = name_ + ": tensor '" + printable(tensor_name) + "' ";
  const auto found = tensor_index_.find(tensor_name);
  if (found == tensor_index_.end()) throw Error(ErrorKind::kBadFile, where + "is missing");
  const TensorInfo& info = contents_.tensors[found->second];
  const WeightFormat* format = find_weight_format(info.type_id);
  if (format == nullptr) {
    throw Error(ErrorKind::kUnsupported, where + "is " + tensor_type_name(info.type_id) + " (number " +
                                             std::to_string(info.type_id) + "); these work: " + weight_format_names());
  }
  if (info.dimensions > 2) {
    throw Error(ErrorKind::kUnsupported,
                where + "has " + std::to_string(info.dimensions) + " dimensions; vectors and matrices work");
  }
  return {std::string(info.name), format->type, info.shape[1], info.shape[0], bytes_.data() + info.offset};
}

}  // namespace leankv
