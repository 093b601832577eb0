#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace leankv {

void check_failed(const char* condition, std::source_location where) {
  std::fprintf(stderr, "leankv: broken invariant: %s (%s:%u, %s)\n", condition, where.file_name(), where.line(),
               where.function_name());
  std::abort();
}

}  // namespace leankv
