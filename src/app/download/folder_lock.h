// One process at a time fetches into a folder.
#pragma once

#include <functional>
#include <string>

namespace leankv {

// Makes the folder, and holds its lock, the file .lock, until it is gone; the system lets go of it with the process.
class FolderLock {
 public:
  // waiting: called once where another process has it. should_stop: asked while it has. Throws kBadFile.
  FolderLock(const std::string& folder, const std::function<void()>& waiting, const std::function<bool()>& should_stop);
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;
  ~FolderLock();

 private:
  int descriptor_;
};

}  // namespace leankv
