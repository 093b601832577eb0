#include "app/download/part_file.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstring>
#include <filesystem>

#include "app/byte_size.h"
#include "app/files.h"
#include "base/error.h"

namespace leankv {

PartFile::PartFile(std::string path) : path_(std::move(path)), part_(path_ + ".part"), etag_path_(part_ + ".etag") {
  descriptor_ = open(part_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0644);
  if (descriptor_ < 0) fail("cannot be written");
  bytes_ = lseek(descriptor_, 0, SEEK_END);
  if (bytes_ < 0) fail("cannot be written");
}

PartFile::~PartFile() { close(descriptor_); }

std::string PartFile::etag() const {
  if (bytes_ == 0 || !std::filesystem::exists(etag_path_)) return "";
  return read_file(etag_path_);
}

// The bytes go before their name, so that no bytes ever stand under another file's.
void PartFile::start_anew(const std::string& etag) {
  if (bytes_ > 0 && ftruncate(descriptor_, 0) != 0) fail("cannot be written");
  bytes_ = 0;
  write_file(etag_path_, etag);
}

void PartFile::append(std::string_view bytes) {
  while (!bytes.empty()) {
    const ssize_t written = write(descriptor_, bytes.data(), bytes.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("cannot be written");
    bytes.remove_prefix(std::size_t(written));
    bytes_ += written;
  }
}

// On the disk before it has the name: a machine that loses power must not keep an empty file of that name.
void PartFile::finish() {
  if (fsync(descriptor_) != 0 || std::rename(part_.c_str(), path_.c_str()) != 0) fail("cannot be written");
  std::remove(etag_path_.c_str());
}

void PartFile::discard() {
  if (ftruncate(descriptor_, 0) != 0) fail("cannot be written");
  bytes_ = 0;
  std::remove(part_.c_str());
  std::remove(etag_path_.c_str());
}

void PartFile::fail(const char* what) const {
  const std::string reason = std::strerror(errno);
  const bool full = errno == ENOSPC || errno == EDQUOT || errno == EFBIG;
  const std::string then =
      full ? " after " + format_bytes(double(bytes_)) + "; make room and run the same again to go on"
           : "; LEANKV_CACHE names another folder";
  throw Error(ErrorKind::kBadFile, part_ + ": " + what + ": " + reason + then);
}

}  // namespace leankv
