// The rows of the option table that the suites of `leankv eval` have.
#pragma once

#include <span>

#include "app/option_table.h"

namespace leankv {

std::span<const OptionRow> suite_option_rows();

}  // namespace leankv
