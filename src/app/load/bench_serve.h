// `leankv bench serve`: the load generator, for this server and any other that speaks OpenAI's API.
#pragma once

#include <span>

namespace leankv {

// args: what follows "bench serve". The table goes to stdout. Returns 1 where no request was answered; throws Error.
int run_bench_serve(std::span<char* const> args);

}  // namespace leankv
