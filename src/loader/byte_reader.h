// A cursor over untrusted bytes: every read is checked against what is left.
#pragma once

#include <bit>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>

#include "base/error.h"

namespace leankv {

static_assert(std::endian::native == std::endian::little, "multi-byte fields are copied as they lie");

// A view: valid as long as the bytes. Every error is kBadFile and starts with the source's name.
class ByteReader {
 public:
  ByteReader(std::span<const std::byte> bytes, std::string source) : bytes_(bytes), source_(std::move(source)) {}

  uint64_t offset() const { return offset_; }
  uint64_t left() const { return bytes_.size() - offset_; }

  // what names the field in the error message.
  std::span<const std::byte> take(uint64_t size, std::string_view what) {
    if (size > left()) fail_truncated(size, what);
    const auto taken = bytes_.subspan(offset_, size);
    offset_ += size;
    return taken;
  }

  template <class T>
  T read(std::string_view what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
  }

  // A length of 64 bits, then so many bytes.
  std::string_view read_string(std::string_view what) {
    const auto bytes = take(read<uint64_t>(what), what);
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
  }

  [[noreturn]] void fail(const std::string& reason) const { throw Error(ErrorKind::kBadFile, source_ + ": " + reason); }

 private:
  [[noreturn]] void fail_truncated(uint64_t size, std::string_view what) const {
    fail("damaged or truncated: " + std::string(what) + " at byte " + std::to_string(offset_) + " needs " +
         std::to_string(size) + " bytes, but " + std::to_string(left()) + " are left; fetch the file again");
  }

  std::span<const std::byte> bytes_;
  std::string source_;
  uint64_t offset_ = 0;
};

}  // namespace leankv
