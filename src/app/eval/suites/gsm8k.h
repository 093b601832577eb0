// GSM8K: grade school mathematics in a few steps. Solved examples precede the question in plain text.
#pragma once

#include <string>
#include <vector>

#include "app/eval/suites/cell.h"
#include "app/eval/suites/suite_model.h"
#include "app/options.h"

namespace leankv {

struct MathExample {
  std::string question, solution;
  std::string number;  // the solution's last, in the form of last_number()
};

inline constexpr int kGsm8kShots = 8;  // so that the prompt is long enough to be compressed
inline constexpr int kGsm8kAnswerTokens = 192;
inline constexpr const char* kFinalAnswer = "####";  // what the data sets before the final number

std::vector<MathExample> read_gsm8k(const std::string& path);  // throws as read_json_lines
std::string gsm8k_shots(const std::vector<MathExample>& examples, int shots);
std::string gsm8k_question(const MathExample& example);

void run_gsm8k(const AppOptions& options);

}  // namespace leankv
