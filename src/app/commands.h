// The commands: one file each.
#pragma once

#include <span>

namespace leankv {

// args: what follows the command's name. Returns the exit code; throws Error for bad input.
int run_generate(std::span<char* const> args);
int run_chat(std::span<char* const> args);
int run_serve(std::span<char* const> args);
int run_calibrate(std::span<char* const> args);
int run_inspect(std::span<char* const> args);

}  // namespace leankv
