#include "base/error.h"

#include <cstdio>
#include <cstdlib>

namespace leankv {

void check_failed(const char* condition, const char* file, int line, const char* function) {
  std::fprintf(stderr, "leankv: broken invariant: %s (%s:%d, %s)\n", condition, file, line, function);
  std::abort();
}

}  // namespace leankv
