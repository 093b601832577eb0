#include "app/eval/suites/gsm8k.h"

#include "app/eval/suites/answer_text.h"
#include "app/eval/suites/answers_report.h"
#include "app/eval/suites/json_lines.h"

namespace leankv {

std::vector<MathExample> read_gsm8k(const std::string& path) {
  std::vector<MathExample> examples;
  for (const auto& line : read_json_lines(path, {"question", "answer"})) {
    const std::string solution = without_notes(line["answer"].get<std::string>());
    examples.push_back({line["question"].get<std::string>(), solution, number_after(solution, kFinalAnswer)});
  }
  return examples;
}

std::string gsm8k_question(const MathExample& example) { return "Question: " + example.question + "\nAnswer:"; }

std::string gsm8k_shots(const std::vector<MathExample>& examples, int shots) {
  std::string text;
  for (int i = 0; i < shots; ++i) {
    const MathExample& e = examples[std::size_t(i)];
    text += gsm8k_question(e) + " " + e.solution + "\n\n";
  }
  return text;
}

void run_gsm8k(const AppOptions& options) {
  const SuiteOptions& o = options.suite;
  const std::vector<MathExample> examples =
      read_gsm8k(data_path(o.data, "the test split of GSM8K as JSON lines (github.com/openai/grade-school-math)"));
  const DataSplit split = split_data(int(examples.size()), o.shots.value_or(kGsm8kShots), o.questions);
  const SuiteModel model(options.engine.model_path);
  const Asked asked = o.asked.value_or(Asked::kWithin);
  MarkedSuite suite;
  suite.plan = {"gsm8k", asked, {}};
  const std::vector<int> shots = model.encode_text(gsm8k_shots(examples, split.shots), true);
  const auto example = [&](std::size_t cell) -> const MathExample& {
    return examples[std::size_t(split.shots) + cell];
  };
  for (std::size_t i = 0; i < std::size_t(split.questions); ++i) {
    suite.plan.cells.push_back({"question " + std::to_string(std::size_t(split.shots) + i),
                                shots,
                                {model.encode_text(gsm8k_question(example(i)), false)},
                                o.max_tokens.value_or(kGsm8kAnswerTokens),
                                {"\n\n", "Question:"}});
  }
  suite.settings = common_settings("gsm8k", model.label(), options, asked);
  suite.settings.update(
      {{"data", o.data}, {"shots", split.shots}, {"max_tokens", o.max_tokens.value_or(kGsm8kAnswerTokens)}});
  suite.mark = [&](std::size_t cell, std::size_t, const CellAnswer& answer) {
    const std::string& number = example(cell).number;
    const std::string last = last_number(answer.text);
    return MarkedAnswer{
        .item = suite.plan.cells[cell].key,
        .expected = number,
        .said = last,
        .marks = {{"strict", number_after(answer.text, kFinalAnswer) == number}, {"flexible", last == number}}};
  };
  run_marked(options, suite);
}

}  // namespace leankv
