// Prompts of a given number of tokens with five-digit numbers hidden in them, and the questions for those.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "app/eval/suites/cell.h"
#include "app/eval/suites/filler.h"
#include "app/eval/suites/suite_model.h"

namespace leankv {

enum class NeedleTask {
  kPasskey,  // a prompt per depth, one number in it
  kPairs,    // a prompt with a named number at every depth, each asked for on a copy of the compressed prompt
};
std::string_view needle_task_name(NeedleTask task);  // "passkey", "kv"
NeedleTask parse_needle_task(std::string_view name);

inline constexpr int kNeedleLengths[] = {512, 1024, 2048, 4096, 7900};  // the last leaves room for questions in 8,192
inline constexpr int kNeedleDepths[] = {0, 10, 20, 30, 40, 50, 60, 70, 80, 90, 100};  // percent
inline constexpr int kNeedleAnswerTokens = 12;  // five digits, each perhaps a token, and what may precede them

struct Needle {
  int depth = 0;         // [percent] of the filling text before it
  std::string key;       // whose number; empty: the passkey
  std::string expected;  // five digits
};

// One prompt. The context has exactly `length` tokens.
struct NeedleCell {
  NeedleTask task = NeedleTask::kPasskey;
  int length = 0;  // [tokens]
  int trial = 0;
  std::vector<Needle> needles;  // [questions]
  SuiteCell cell;
};

struct NeedleGrid {
  std::vector<NeedleTask> tasks;
  std::vector<int> lengths, depths;
  int trials = 1;
  uint64_t seed = 1;
};

// Numbers and the place where the filling text begins are drawn from seed, task, length and trial: equal for every
// policy. Throws kBadOption where a length has no room for its needles, or there are more depths than names.
std::vector<NeedleCell> make_needle_cells(const SuiteModel& model, const Filler& filler, const NeedleGrid& grid);

}  // namespace leankv
