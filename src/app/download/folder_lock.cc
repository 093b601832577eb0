#include "app/download/folder_lock.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstring>
#include <filesystem>
#include <thread>
#include <utility>

#include "base/error.h"

namespace leankv {
namespace {

constexpr std::chrono::milliseconds kAskAgain(100);

int open_lock(const std::string& folder) {
  std::error_code ignored;  // open() says what is wrong
  std::filesystem::create_directories(folder, ignored);
  const int descriptor = open((folder + "/.lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0644);
  if (descriptor >= 0) return descriptor;
  throw Error(ErrorKind::kBadFile,
              folder + ": nothing can be kept there: " + std::strerror(errno) + "; LEANKV_CACHE names another folder");
}

}  // namespace

FolderLock::FolderLock(const std::string& folder, const std::function<void()>& waiting,
                       const std::function<bool()>& should_stop)
    : descriptor_(open_lock(folder)) {
  bool said = false;
  while (flock(descriptor_, LOCK_EX | LOCK_NB) != 0) {
    const bool taken = errno == EWOULDBLOCK || errno == EINTR;
    const std::string reason = taken ? "interrupted" : std::strerror(errno);
    if (!taken || should_stop()) {
      close(descriptor_);
      throw Error(ErrorKind::kBadFile, folder + "/.lock: " + reason);
    }
    if (!std::exchange(said, true)) waiting();
    std::this_thread::sleep_for(kAskAgain);
  }
}

FolderLock::~FolderLock() { close(descriptor_); }

}  // namespace leankv
