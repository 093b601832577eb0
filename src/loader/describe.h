// What `leankv inspect FILE` prints.
#pragma once

#include <iosfwd>

#include "loader/gguf.h"

namespace leankv {

// The metadata with long values cut, the tensors with type, shape and bytes, and the totals by type.
void describe(const GgufFile& file, std::ostream& out);

}  // namespace leankv
