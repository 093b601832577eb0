// Options of `leankv calibrate`, and the one that chooses a calibration.
#pragma once

#include <span>

#include "app/option_table.h"

namespace leankv {

std::span<const OptionRow> calibrate_option_rows();

}  // namespace leankv
