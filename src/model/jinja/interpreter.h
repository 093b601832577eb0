// Renders a parsed template.
#pragma once

#include <nlohmann/json.hpp>
#include <string>

#include "model/jinja/ast.h"

namespace leankv::jinja {

// context: an object, the variables. Throws kBadRequest for what the template cannot do with it, or when a limit is
// reached; the message names the line.
std::string render(const Block& block, const nlohmann::ordered_json& context);

}  // namespace leankv::jinja
