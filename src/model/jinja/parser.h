// Parses a chat template, and refuses what the interpreter does not know before anything is rendered.
#pragma once

#include <string_view>

#include "model/jinja/ast.h"

namespace leankv::jinja {

// Throws kBadFile for a source that is not well-formed and kUnsupported, listing what works, for an unknown name.
Block parse(std::string_view source);

}  // namespace leankv::jinja
