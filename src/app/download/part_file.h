// What is there of a file that is being fetched: FILE.part, and FILE.part.etag, which says of what it is a part.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

namespace leankv {

// One process at a time may have it (folder_lock.h). What was appended is in the file when the process ends, however it
// ends; under its own name the file stands only when it is whole. Every function throws kBadFile.
class PartFile {
 public:
  explicit PartFile(std::string path);  // the file's own name; its folder is there
  PartFile(const PartFile&) = delete;
  PartFile& operator=(const PartFile&) = delete;
  ~PartFile();

  int64_t bytes() const { return bytes_; }
  std::string etag() const;  // empty: it cannot be gone on with
  void start_anew(const std::string& etag);
  void append(std::string_view bytes);
  void finish();   // the part becomes the file
  void discard();  // as if nothing had been fetched
  const std::string& name() const { return part_; }

 private:
  [[noreturn]] void fail(const char* what) const;

  std::string path_, part_, etag_path_;
  int descriptor_ = -1;
  int64_t bytes_ = 0;
};

}  // namespace leankv
