// Engines over the tiny models of tests/golden/llama, and prompts for them.
#pragma once

#include <random>
#include <string>
#include <vector>

#include "engine/engine.h"

namespace leankv::testing {

inline EngineOptions tiny_options(const std::string& model = "tiny.gguf") {
  EngineOptions options;
  options.model_path = std::string(LEANKV_GOLDEN_DIR) + "/llama/" + model;
  options.threads = 1;
  options.context = 2048;
  return options;
}

// Words of a few tokens, repeated with changes: attention finds something to look back to.
inline std::vector<int> prompt_of(int tokens, unsigned seed) {
  std::mt19937 random(seed);
  std::vector<int> words(40), prompt;
  for (int& word : words) word = int(random() % 288);
  while (int(prompt.size()) < tokens) prompt.push_back(random() % 4 == 0 ? int(random() % 288) : words[random() % 40]);
  return prompt;
}

inline std::vector<float> copy_of(const Logits& logits) {
  const ConstMatrix m = logits.on_host();
  return {m.data, m.data + std::ptrdiff_t(m.rows) * m.columns};
}

inline Sequence started(Engine& engine, const Policy& policy, int prompt_tokens, int max_new_tokens = 0) {
  std::optional<Sequence> sequence = engine.start(policy, prompt_tokens, max_new_tokens);
  LEANKV_CHECK(sequence.has_value());
  return std::move(*sequence);
}

// Tokens of each list over all heads, and pruned ones last.
inline std::vector<int64_t> tokens_by_list(const Engine& engine, const Sequence& sequence) {
  const SequenceState& state = engine.cache().state(sequence.slot());
  std::vector<int64_t> tokens(std::size_t(state.lists()) + 1);
  for (const HeadTable& head : state.heads) {
    for (int list = 0; list < state.lists(); ++list) tokens[std::size_t(list)] += head.tokens[list];
    tokens.back() += state.tokens - head.total_tokens();
  }
  return tokens;
}

}  // namespace leankv::testing
