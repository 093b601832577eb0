// Runs `leankv eval` inside the test.
#pragma once

#include <gtest/gtest.h>

#include <string>
#include <vector>

#include "app/eval/eval.h"
#include "base/error.h"

namespace leankv {

// What it printed, behind the error that it ended with.
inline std::string eval_outcome(std::vector<std::string> words) {
  std::vector<char*> args;
  for (std::string& w : words) args.push_back(w.data());
  ::testing::internal::CaptureStdout();
  std::string error;
  try {
    run_eval(args);
  } catch (const Error& e) {
    error = e.what();
  }
  return error + ::testing::internal::GetCapturedStdout();
}

}  // namespace leankv
