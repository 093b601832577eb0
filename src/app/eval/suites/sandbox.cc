#include "app/eval/suites/sandbox.h"

#include <fcntl.h>
#include <sched.h>
#include <signal.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <thread>

#include "app/files.h"
#include "base/error.h"

namespace leankv {
namespace {

constexpr const char* kProgram = "program.py";
constexpr const char* kPassed = "passed";  // written by the last line: an exit code alone proves no end
constexpr int kHighestFile = 1024;         // descriptors that may be open in the parent

class TemporaryFolder {
 public:
  TemporaryFolder() : path_((std::filesystem::temp_directory_path() / "leankv-sandbox-XXXXXX").string()) {
    if (mkdtemp(path_.data()) == nullptr) {
      throw Error(ErrorKind::kUnsupported, path_ + ": cannot be made: " + std::strerror(errno));
    }
  }
  ~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
  }
  TemporaryFolder(const TemporaryFolder&) = delete;
  TemporaryFolder& operator=(const TemporaryFolder&) = delete;
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

void limit(int resource, rlim_t most) {
  const rlimit value{most, most};
  if (setrlimit(__rlimit_resource_t(resource), &value) != 0) _exit(126);
}

// Between fork and exec: only what is safe after a fork of a program with threads. Does not return.
[[noreturn]] void become_python(const char* folder, const SandboxLimits& limits) {
  setpgid(0, 0);
  unshare(CLONE_NEWUSER | CLONE_NEWNET | CLONE_NEWIPC);  // not every system lets a user; the limits hold without
  if (chdir(folder) != 0) _exit(126);
  const int null = open("/dev/null", O_RDWR);
  for (const int standard : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) dup2(null, standard);
  for (int file = STDERR_FILENO + 1; file < kHighestFile; ++file) close(file);
  limit(RLIMIT_CPU, rlim_t(limits.seconds));
  limit(RLIMIT_AS, rlim_t(limits.memory_bytes));
  limit(RLIMIT_FSIZE, rlim_t(limits.file_bytes));
  limit(RLIMIT_NOFILE, rlim_t(limits.open_files));
  limit(RLIMIT_NPROC, 0);
  limit(RLIMIT_CORE, 0);
  const char* const args[] = {"python3", "-I", "-S", "-B", kProgram, nullptr};
  const char* const variables[] = {"PATH=/usr/local/bin:/usr/bin:/bin", "HOME=.", nullptr};
  execvpe(args[0], const_cast<char* const*>(args), const_cast<char* const*>(variables));
  _exit(127);
}

bool ends_within(pid_t child, std::chrono::seconds most) {
  const auto end = std::chrono::steady_clock::now() + most;
  int status = 0;
  pid_t ended = 0;
  while ((ended = waitpid(child, &status, WNOHANG)) == 0 && std::chrono::steady_clock::now() < end) {
    std::this_thread::sleep_for(std::chrono::milliseconds(5));
  }
  kill(-child, SIGKILL);  // its children, and itself where its time is up
  if (ended == 0) waitpid(child, &status, 0);
  return ended == child && WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

}  // namespace

bool python_succeeds(const std::string& program, const SandboxLimits& limits) {
  const TemporaryFolder folder;
  write_file(folder.path() + "/" + kProgram, program + "\n\nopen('" + kPassed + "', 'w').close()\n");
  const pid_t child = fork();
  if (child < 0) throw Error(ErrorKind::kUnsupported, std::string("no process can be made: ") + std::strerror(errno));
  if (child == 0) become_python(folder.path().c_str(), limits);
  setpgid(child, child);  // whichever of the two comes first
  return ends_within(child, std::chrono::seconds(2 * limits.seconds)) &&
         std::filesystem::exists(folder.path() + "/" + kPassed);
}

}  // namespace leankv
