// The rows of the option table that only `leankv eval` has.
#pragma once

#include <span>

#include "app/option_table.h"

namespace leankv {

std::span<const OptionRow> eval_option_rows();

}  // namespace leankv
