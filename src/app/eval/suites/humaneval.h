// HumanEval: functions in Python from their signature and description. Solved ones precede in plain text.
#pragma once

#include <string>
#include <vector>

#include "app/options.h"

namespace leankv {

struct CodeProblem {
  std::string id, prompt, solution, test, entry_point;
};

inline constexpr int kHumanEvalShots = 4;  // so that the prompt is long enough to be compressed
inline constexpr int kHumanEvalAnswerTokens = 256;

std::vector<CodeProblem> read_humaneval(const std::string& path);  // throws as read_json_lines
std::string humaneval_shots(const std::vector<CodeProblem>& problems, int shots);
// What is run: the problem's prompt with the answer as its function's body, and its tests.
std::string humaneval_program(const CodeProblem& problem, const std::string& answer);

void run_humaneval(const AppOptions& options);

}  // namespace leankv
