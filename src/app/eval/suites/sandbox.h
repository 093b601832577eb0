// Runs Python that a model wrote. A separate process in a folder of its own, which ends with it: limits on processor
// time, memory, files and processes, no input, no network where the system lets a user have a network namespace, killed
// with its children when its time is up. It is no container: files that the user may write are not protected.
#pragma once

#include <string>

namespace leankv {

struct SandboxLimits {
  int seconds = 5;               // of processor time; of the clock twice as much
  long memory_bytes = 1L << 30;  // address space: what Python takes to start, and room
  long file_bytes = 1 << 20;     // each file that is written
  int open_files = 64;
};

// Whether the program came to its end. Throws kUnsupported where no process can be made; a program that fails, or has
// no python3, is false.
bool python_succeeds(const std::string& program, const SandboxLimits& limits = {});

}  // namespace leankv
