// The model of the tests that need a real one.
#pragma once

#include <cstdlib>
#include <string>

#include "app/model_path.h"
#include "app/options.h"

namespace leankv::test {

// $LEANKV_MODEL, else what scripts/get-model fetched. Throws Error where there is none.
inline std::string default_model() {
  AppOptions options;
  if (const char* given = std::getenv("LEANKV_MODEL")) options.engine.model_path = given;
  return resolve_model(options);
}

}  // namespace leankv::test
