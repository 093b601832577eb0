// A compiled grammar and the tokens that it allows at each point of an answer.
#pragma once

#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <vector>

#include "engine/token_mask.h"
#include "server/grammar/automaton.h"
#include "server/grammar/token_tree.h"

namespace leankv {

using FrameId = int32_t;
inline constexpr FrameId kBottom = 0;  // of every stack: the grammar's end

// Where the automaton may be: it is not deterministic, so a text leads to a set of these.
struct Place {
  NodeId node;
  FrameId stack;
  bool operator==(const Place&) const = default;
};

// The stacks of one answer. Equal stacks have equal ids, so that a set of places holds each only once.
class Stacks {
 public:
  struct Frame {
    NodeId back;
    FrameId below;
  };
  FrameId push(NodeId back, FrameId below);
  const Frame& operator[](FrameId id) const { return frames_[id]; }

 private:
  std::vector<Frame> frames_{{-1, -1}};
  std::unordered_map<uint64_t, FrameId> ids_;
};

// Thread-safe, and shared by all answers to requests with the same grammar. What does not depend on the stack is
// computed once per node: most of the vocabulary, and of the rest where in the tree the stack begins to matter.
class Grammar {
 public:
  Grammar(Automaton automaton, std::shared_ptr<const TokenTree> tokens)
      : automaton_(std::move(automaton)), tokens_(std::move(tokens)) {}

  const Automaton& automaton() const { return automaton_; }
  const TokenTree& tokens() const { return *tokens_; }

  struct NodeTokens {
    std::vector<uint64_t> allowed;    // [(tokens + 63) / 64] whatever the stack is
    std::vector<int32_t> rule_ended;  // entries of the tree where the node's rule may have ended
  };
  std::shared_ptr<const NodeTokens> tokens_at(NodeId node) const;

 private:
  static constexpr std::size_t kMostNodesKept = 1024;  // at 49,152 tokens 6 KiB each
  std::shared_ptr<const NodeTokens> compute(NodeId node) const;

  Automaton automaton_;
  std::shared_ptr<const TokenTree> tokens_;
  mutable std::mutex mutex_;
  mutable std::unordered_map<NodeId, std::shared_ptr<const NodeTokens>> nodes_;
};

// One answer's place in its grammar.
class GrammarMask : public TokenMask {
 public:
  explicit GrammarMask(std::shared_ptr<const Grammar> grammar);

  void allow(std::span<uint64_t> allowed) override;
  void accept(int token) override;
  std::unique_ptr<TokenMask> clone() const override { return std::make_unique<GrammarMask>(*this); }

  bool accepts(std::string_view text);  // takes it all; false, and useless from then on, where it does not fit
  bool complete() const;                // the text may end here

 private:
  void allow_after_end(const Grammar::NodeTokens& tokens, Place place, std::span<uint64_t> allowed);

  std::shared_ptr<const Grammar> grammar_;
  Stacks stacks_;
  std::vector<Place> places_;
};

}  // namespace leankv
