// The words of `leankv eval multi`. Short and plain, so that a model of a hundred million parameters follows them.
#pragma once

#include <span>
#include <string_view>

namespace leankv {

struct TextPair {
  std::string_view first, second;
};

std::span<const TextPair> instruction_texts();   // a topic that no log book has, and what to answer
std::span<const TextPair> conversation_texts();  // a question and its answer
std::span<const TextPair> fact_questions();      // a question and the words that kFactsPrompt gives for it
std::span<const std::string_view> rule_questions();
extern const std::string_view kFactsPrompt;

}  // namespace leankv
