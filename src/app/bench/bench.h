// `leankv bench`: how fast prompts and answers are computed, by cache, context depth and batch; and `leankv bench
// serve`.
#pragma once

#include <span>

namespace leankv {

// args: what follows "bench" on the command line. The table goes to stdout, progress to stderr. Returns the exit code;
// throws Error for input that cannot be served.
int run_bench(std::span<char* const> args);

}  // namespace leankv
