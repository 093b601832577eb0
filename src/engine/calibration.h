// What `leankv calibrate` has learned of a model.
#pragma once

#include <string>
#include <vector>

#include "kv/forecast.h"

namespace leankv {

struct Calibration {
  std::string origin;         // where it was found, for reports; empty: there is none
  std::vector<Curve> curves;  // [layers, kv_heads], the prior of those that a request teaches
};

}  // namespace leankv
