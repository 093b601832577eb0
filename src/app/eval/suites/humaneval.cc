#include "app/eval/suites/humaneval.h"

#include <map>

#include "app/eval/suites/answer_text.h"
#include "app/eval/suites/answers_report.h"
#include "app/eval/suites/json_lines.h"
#include "app/eval/suites/sandbox.h"
#include "app/eval/suites/suite_model.h"
#include "base/error.h"

namespace leankv {
namespace {

// Equal answers of different caches are run once.
class Tests {
 public:
  bool pass(const CodeProblem& problem, const std::string& answer) {
    const std::string program = humaneval_program(problem, answer);
    const auto known = passed_.find(program);
    if (known != passed_.end()) return known->second;
    return passed_[program] = python_succeeds(program);
  }

 private:
  std::map<std::string, bool> passed_;
};

void check_python() {
  if (python_succeeds("pass")) return;
  throw Error(ErrorKind::kUnsupported, "--execute: python3 cannot be run here");
}

}  // namespace

// The line break after the description goes to the solution: tokens join it with the indentation that follows, so a
// prompt that ends with it alone is one that no model has seen, and is answered with nothing.
std::vector<CodeProblem> read_humaneval(const std::string& path) {
  std::vector<CodeProblem> problems;
  for (const auto& line : read_json_lines(path, {"task_id", "prompt", "canonical_solution", "test", "entry_point"})) {
    const std::string prompt = line["prompt"], solution = line["canonical_solution"];
    const std::size_t end = prompt.find_last_not_of(" \n") + 1;
    problems.push_back(
        {line["task_id"], prompt.substr(0, end), prompt.substr(end) + solution, line["test"], line["entry_point"]});
  }
  return problems;
}

std::string humaneval_shots(const std::vector<CodeProblem>& problems, int shots) {
  std::string text;
  for (int i = 0; i < shots; ++i) {
    text += problems[std::size_t(i)].prompt + problems[std::size_t(i)].solution + "\n\n";
  }
  return text;
}

std::string humaneval_program(const CodeProblem& problem, const std::string& answer) {
  return problem.prompt + std::string(code_body(answer)) + "\n" + problem.test + "\ncheck(" + problem.entry_point +
         ")\n";
}

void run_humaneval(const AppOptions& options) {
  const SuiteOptions& o = options.suite;
  const std::vector<CodeProblem> problems =
      read_humaneval(data_path(o.data, "HumanEval.jsonl, unpacked (github.com/openai/human-eval)"));
  if (o.execute) check_python();
  const DataSplit split = split_data(int(problems.size()), o.shots.value_or(kHumanEvalShots), o.questions);
  const SuiteModel model(options.engine.model_path);
  const Asked asked = o.asked.value_or(Asked::kWithin);
  MarkedSuite suite;
  suite.plan = {"humaneval", asked, {}};
  const std::vector<int> shots = model.encode_text(humaneval_shots(problems, split.shots), true);
  const auto problem = [&](std::size_t cell) -> const CodeProblem& {
    return problems[std::size_t(split.shots) + cell];
  };
  for (std::size_t i = 0; i < std::size_t(split.questions); ++i) {
    suite.plan.cells.push_back({problem(i).id,
                                shots,
                                {model.encode_text(problem(i).prompt, false)},
                                o.max_tokens.value_or(kHumanEvalAnswerTokens),
                                {"\ndef ", "\nclass ", "\nfrom ", "\nimport ", "\nif ", "\nprint", "\n#", "\n@"}});
  }
  suite.settings = common_settings("humaneval", model.label(), options, asked);
  suite.settings.update(
      {{"data", o.data}, {"shots", split.shots}, {"max_tokens", o.max_tokens.value_or(kHumanEvalAnswerTokens)}});
  Tests tests;
  suite.mark = [&](std::size_t cell, std::size_t, const CellAnswer& answer) {
    MarkedAnswer marked{.item = problem(cell).id, .said = std::string(code_body(answer.text))};
    if (o.execute) marked.marks = {{"passed", tests.pass(problem(cell), answer.text)}};
    return marked;
  };
  run_marked(options, suite);
}

}  // namespace leankv
