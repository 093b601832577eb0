// Prompts with several instructions, and conversations under a system prompt, and what their answers must show.
#pragma once

#include <string>
#include <vector>

#include "app/eval/suites/cell.h"
#include "app/eval/suites/filler.h"
#include "app/eval/suites/rules.h"
#include "app/eval/suites/suite_model.h"

namespace leankv {

inline constexpr int kMultiTokens = 1536;      // of a prompt, about
inline constexpr int kMultiAnswerTokens = 48;  // the longest answer in the conversations has 30
inline constexpr int kInstructions = 8;        // in one prompt

// What one answer must show: words of its own, or the form of a rule.
struct MultiCheck {
  std::string mark;  // "instructions", "facts", or the rule's name
  std::string asked;
  std::string expected;  // words that must be mentioned; empty where a rule is checked
  const FormRule* rule = nullptr;

  bool holds(std::string_view answer) const;
};

struct MultiCell {
  std::vector<MultiCheck> checks;  // [questions]
  SuiteCell cell;
};

// Per trial: a prompt with kInstructions instructions, each asked for by itself; a system prompt that gives facts about
// the assistant; and for each rule of form a system prompt that states it. Pages of the filling text bring a prompt to
// about `tokens`.
std::vector<MultiCell> make_multi_cells(const SuiteModel& model, const Filler& filler, int tokens, int trials,
                                        uint64_t seed);

}  // namespace leankv
