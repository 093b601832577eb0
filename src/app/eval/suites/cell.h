// The unit of work of a suite: one prompt that is compressed, and what is asked of it.
#pragma once

#include <cstdint>
#include <map>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "backend/cache_usage.h"
#include "engine/outcome.h"

namespace leankv {

struct SuiteCell {
  std::string key;                          // unique in its suite
  std::vector<int> context;                 // tokens
  std::vector<std::vector<int>> questions;  // tokens that follow the context; each is asked by itself
  int max_tokens = 0;                       // of an answer
  std::vector<std::string> stop;

  int64_t tokens() const;  // of a run: contexts and questions, answers at their longest
  int longest() const;     // sequence that it may become
};

struct CellAnswer {
  std::string text;
  int tokens = 0;  // an end-of-text token included
  FinishReason finish = FinishReason::kStop;
};

// What a row did with a cell.
struct CellResult {
  int64_t bytes_16bit = 0, bytes = 0;  // of the prompts, page-true, right after their judgement
  std::map<std::string, double> kept;  // share of the prompts' token-heads by tier, and "pruned"
  std::vector<CellAnswer> answers;     // [questions]

  void add_prompt(const CacheUsage& usage);  // of a prompt that was just judged
};

nlohmann::ordered_json cell_to_json(const CellResult& result);
CellResult cell_from_json(const nlohmann::ordered_json& json);  // throws nlohmann's exceptions for another form

}  // namespace leankv
