// Which model a file holds, as one number.
#pragma once

#include <cstdint>

#include "loader/gguf.h"

namespace leankv {

// The same for every copy of a file, another for other weights: 64 bits over names, types and shapes of all tensors and
// the first bytes of each, so that little of the file is read. Metadata do not count: they hold names and templates.
uint64_t fingerprint(const GgufFile& file);

}  // namespace leankv
