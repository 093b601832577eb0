#include "engine/conversation.h"

#include "base/error.h"

namespace leankv {

std::optional<std::string_view> what_follows(std::string_view fed, std::string_view wanted) {
  if (!wanted.starts_with(fed) || wanted.size() == fed.size()) return std::nullopt;
  return wanted.substr(fed.size());
}

// Text is compared, not tokens: the model may have written its answer with other tokens than the tokeniser would. None
// where the cache is of no use: no beginning of this text, or interrupted in its prompt.
std::vector<int> Conversation::continued(std::string_view rendered) const {
  if (!sequence_ || int(sequence_->tokens.size()) < sequence_->prompt_tokens) return {};
  const std::string fed = engine_.tokenizer().decode(sequence_->tokens, true);
  const std::optional<std::string_view> rest = what_follows(fed, rendered);
  return rest ? engine_.tokenizer().encode(*rest, true, false) : std::vector<int>();
}

Sequence Conversation::started(const std::vector<int>& tokens, const GenerationOptions& options) {
  std::optional<Sequence> sequence = engine_.start(policy_, int(tokens.size()), std::max(1, options.max_tokens));
  if (!sequence) throw Error(ErrorKind::kDoesNotFit, "every sequence of the cache is taken");
  return std::move(*sequence);
}

Generation Conversation::answer(std::string_view rendered, const GenerationOptions& options,
                                const GenerationCallbacks& callbacks) {
  std::vector<int> tokens = continued(rendered);
  if (tokens.empty()) {
    sequence_.reset();  // gives its pages back before the new one asks for some
    tokens = engine_.tokenizer().encode(rendered, true);
    sequence_.emplace(started(tokens, options));
  }
  reused_tokens_ = int(sequence_->tokens.size());
  return generate(engine_, *sequence_, tokens, options, callbacks);
}

void Conversation::restart(const Policy& policy) {
  for (TierId id : policy.tiers) {
    if (engine_.cache().holds(id)) continue;
    throw Error(ErrorKind::kBadOption, "the cache's pages were not made for tier " + std::string(tier(id).name) +
                                           ": start the program with this setting");
  }
  policy_ = policy;
  sequence_.reset();
}

}  // namespace leankv
