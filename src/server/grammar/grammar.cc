#include "server/grammar/grammar.h"

#include "base/error.h"
#include "server/grammar/walk.h"

namespace leankv {

FrameId Stacks::push(NodeId back, FrameId below) {
  const uint64_t key = uint64_t(uint32_t(back)) << 32 | uint32_t(below);
  const auto [found, is_new] = ids_.try_emplace(key, FrameId(frames_.size()));
  if (is_new) frames_.push_back({back, below});
  return found->second;
}

std::shared_ptr<const Grammar::NodeTokens> Grammar::tokens_at(NodeId node) const {
  const std::lock_guard lock(mutex_);
  if (const auto found = nodes_.find(node); found != nodes_.end()) return found->second;
  if (nodes_.size() >= kMostNodesKept) nodes_.clear();
  return nodes_[node] = compute(node);
}

// With an empty stack, at whose bottom a rule that ends is at the end of what is known.
std::shared_ptr<const Grammar::NodeTokens> Grammar::compute(NodeId node) const {
  auto tokens = std::make_shared<NodeTokens>();
  tokens->allowed.resize(std::size_t(tokens_->tokens() + 63) / 64);
  Stacks stacks;
  std::vector<std::vector<Place>> levels(std::size_t(tokens_->deepest()) + 1);
  levels[0] = {{node, kBottom}};
  walk_tokens(*this, stacks, levels, 0, int32_t(tokens_->entries().size()),
              [&](int32_t entry, const std::vector<Place>& places) {
                allow_entry(*tokens_, entry, tokens->allowed);
                const bool ended = std::ranges::any_of(
                    places, [&](const Place& p) { return p.stack == kBottom && automaton_.ends(p.node); });
                if (ended && tokens_->entries()[entry].end > entry + 1) tokens->rule_ended.push_back(entry);
              });
  return tokens;
}

GrammarMask::GrammarMask(std::shared_ptr<const Grammar> grammar) : grammar_(std::move(grammar)) {
  enter(grammar_->automaton(), stacks_, {grammar_->automaton().start(), kBottom}, places_);
}

void GrammarMask::allow(std::span<uint64_t> allowed) {
  for (const Place& place : places_) {
    const auto tokens = grammar_->tokens_at(place.node);
    for (std::size_t i = 0; i < tokens->allowed.size(); ++i) allowed[i] |= tokens->allowed[i];
    if (place.stack != kBottom) allow_after_end(*tokens, place, allowed);
  }
  if (!complete()) return;
  for (int t : grammar_->tokens().end_tokens()) allowed[t / 64] |= uint64_t(1) << (t % 64);
}

// Tokens that reach beyond the end of the place's rule.
void GrammarMask::allow_after_end(const Grammar::NodeTokens& tokens, Place place, std::span<uint64_t> allowed) {
  if (tokens.rule_ended.empty()) return;
  const TokenTree& tree = grammar_->tokens();
  const Stacks::Frame frame = stacks_[place.stack];
  std::vector<Place> behind;
  enter(grammar_->automaton(), stacks_, {frame.back, frame.below}, behind);
  std::vector<std::vector<Place>> levels(std::size_t(tree.deepest()) + 1);
  for (int32_t entry : tokens.rule_ended) {
    const TokenTree::Entry& e = tree.entries()[entry];
    levels[e.depth] = behind;
    walk_tokens(*grammar_, stacks_, levels, entry + 1, e.end,
                [&](int32_t i, const std::vector<Place>&) { allow_entry(tree, i, allowed); });
  }
}

void GrammarMask::accept(int token) {
  const bool fits = accepts(grammar_->tokens().bytes(token));
  LEANKV_CHECK(fits);
}

bool GrammarMask::accepts(std::string_view text) {
  std::vector<Place> next;
  for (char c : text) {
    advance(grammar_->automaton(), stacks_, places_, uint8_t(c), next);
    places_.swap(next);
  }
  return !places_.empty();
}

bool GrammarMask::complete() const {
  return std::ranges::any_of(places_,
                             [&](const Place& p) { return p.stack == kBottom && grammar_->automaton().ends(p.node); });
}

}  // namespace leankv
