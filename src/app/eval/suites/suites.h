// The suites of `leankv eval` that ask for answers or read the user's own text.
#pragma once

#include <span>
#include <string>
#include <string_view>

#include "app/options.h"

namespace leankv {

struct Suite {
  std::string_view name;
  CommandSet command;
  const char* usage;
  bool takes_file;  // without an option's name
  // options.engine.model_path is resolved. Tables go to stdout. Throws Error.
  void (*run)(const AppOptions& options);
};

std::span<const Suite> suites();

// args: what follows the suite's name.
int run_suite(const Suite& suite, std::span<char* const> args);

}  // namespace leankv
