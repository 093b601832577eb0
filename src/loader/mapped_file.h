// A file's bytes in memory, read-only.
#pragma once

#include <cstddef>
#include <span>
#include <string>

namespace leankv {

// Move-only owner of the mapping; spans of it stay valid across a move. Usable from any thread: nothing changes.
// The file must not be shortened while it is mapped: the system answers a read past its end with SIGBUS.
class MappedFile {
 public:
  explicit MappedFile(const std::string& path);  // throws kBadFile, naming the path and the reason
  ~MappedFile();
  MappedFile(MappedFile&& other) noexcept;
  MappedFile& operator=(MappedFile&& other) noexcept;

  std::span<const std::byte> bytes() const { return bytes_; }

 private:
  std::span<const std::byte> bytes_;
};

}  // namespace leankv
