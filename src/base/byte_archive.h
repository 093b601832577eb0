// Plain values and vectors of them to bytes and back, by one description for both ways: archive(a); archive(b). Little
// endian machines only, as all that this program runs on are.
#pragma once

#include <bit>
#include <cstddef>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <vector>

#include "base/error.h"

namespace leankv {

static_assert(std::endian::native == std::endian::little);

template <class T>
concept PlainValue = std::is_trivially_copyable_v<T>;

class ByteWriter {
 public:
  template <PlainValue T>
  void operator()(const T& value) {
    bytes({reinterpret_cast<const std::byte*>(&value), sizeof value});
  }
  template <class T>
  void operator()(const std::vector<T>& values) {
    (*this)(uint64_t(values.size()));
    for (const T& value : values) (*this)(value);
  }
  void operator()(const std::string& text) {
    (*this)(uint64_t(text.size()));
    bytes(std::as_bytes(std::span(text)));
  }
  void bytes(std::span<const std::byte> some) {
    if (some.empty()) return;
    out_.resize(out_.size() + some.size());
    std::memcpy(out_.data() + out_.size() - some.size(), some.data(), some.size());
  }
  const std::vector<std::byte>& written() const { return out_; }
  std::vector<std::byte>& written() { return out_; }

 private:
  std::vector<std::byte> out_;
};

// Throws kBadFile, with this name, where the bytes end early.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string_view name) : left_(bytes), name_(name) {}

  template <PlainValue T>
  void operator()(T& value) {
    std::memcpy(&value, bytes(sizeof value).data(), sizeof value);
  }
  template <class T>
  void operator()(std::vector<T>& values) {
    values.resize(count());
    for (T& value : values) (*this)(value);
  }
  void operator()(std::string& text) {
    const std::span<const std::byte> some = bytes(count());
    text.assign(reinterpret_cast<const char*>(some.data()), some.size());
  }
  std::span<const std::byte> bytes(std::size_t n) {
    if (n > left_.size()) throw Error(ErrorKind::kBadFile, std::string(name_) + " ends early");
    const std::span<const std::byte> some = left_.first(n);
    left_ = left_.subspan(n);
    return some;
  }
  // Of what follows: no more than there are bytes, or than `most`, so that a wrong number asks for no memory.
  std::size_t count(uint64_t most = UINT64_MAX) {
    uint64_t n = 0;
    (*this)(n);
    if (n > left_.size() || n > most) throw Error(ErrorKind::kBadFile, std::string(name_) + " ends early");
    return std::size_t(n);
  }

 private:
  std::span<const std::byte> left_;
  std::string_view name_;
};

}  // namespace leankv
