// The rows of the option table that only `leankv bench serve` has.
#pragma once

#include <span>

#include "app/option_table.h"

namespace leankv {

std::span<const OptionRow> load_option_rows();

}  // namespace leankv
