// What the command line says of models that are to be fetched.
#pragma once

#include <span>

#include "app/option_table.h"

namespace leankv {

std::span<const OptionRow> download_option_rows();

}  // namespace leankv
