// A conversation whose compressed cache lives on from turn to turn.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "engine/generation.h"

namespace leankv {

// The rest of `wanted` after `fed`, the text that a cache holds; none when `fed` is not its beginning or all of it.
std::optional<std::string_view> what_follows(std::string_view fed, std::string_view wanted);

// Owns the sequence; must not outlive its engine.
class Conversation {
 public:
  Conversation(Engine& engine, Policy policy) : engine_(engine), policy_(std::move(policy)) {}

  // Answers a rendered conversation, special tokens written out. Feeds only what follows the text in the cache; where
  // that is not a beginning of it, or was interrupted in its prompt, whose judgement was planned for its length, the
  // cache starts anew. Throws as Engine::start and generate do.
  Generation answer(std::string_view rendered, const GenerationOptions& options, const GenerationCallbacks& callbacks);

  // Forgets the cache; the next answer starts with this policy. Throws kBadOption when the engine's pool was not made
  // for its tiers.
  void restart(const Policy& policy);
  void restart() { sequence_.reset(); }

  const Policy& policy() const { return policy_; }
  const Sequence* sequence() const { return sequence_ ? &*sequence_ : nullptr; }
  int reused_tokens() const { return reused_tokens_; }  // that the last answer found in the cache

 private:
  std::vector<int> continued(std::string_view rendered) const;  // tokens to feed; empty: start anew
  Sequence started(const std::vector<int>& tokens, const GenerationOptions& options);

  Engine& engine_;
  Policy policy_;
  std::optional<Sequence> sequence_;
  int reused_tokens_ = 0;
};

}  // namespace leankv
