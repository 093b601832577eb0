// `leankv eval`: how close a compressed cache stays to the uncompressed one, and what it costs.
#pragma once

#include <span>

namespace leankv {

// args: what follows "eval" on the command line. Tables go to stdout, progress to stderr. Returns the exit code; throws
// Error for input that cannot be served.
int run_eval(std::span<char* const> args);

}  // namespace leankv
