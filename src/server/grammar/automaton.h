// A pushdown automaton over bytes: what a grammar is compiled to.
#pragma once

#include <cstdint>
#include <span>
#include <string_view>
#include <vector>

namespace leankv {

using NodeId = int32_t;
using RuleId = int32_t;

// One way on from a node: a byte of [low, high], then `to`, with the nodes to come back to pushed first.
struct Arc {
  uint8_t low, high;
  NodeId to;
  int32_t first_push, pushes;  // into Automaton::pushed, outermost first
};

// Immutable. Every node can reach the end of its rule, so that any text that was accepted so far can be completed.
class Automaton {
 public:
  NodeId start() const { return start_; }
  std::span<const Arc> arcs(NodeId node) const {
    return std::span(arcs_).subspan(first_arc_[node], first_arc_[node + 1] - first_arc_[node]);
  }
  std::span<const NodeId> pushed(const Arc& arc) const {
    return std::span(pushed_).subspan(arc.first_push, arc.pushes);
  }
  bool ends(NodeId node) const { return ends_[node] != 0; }  // its rule may end here
  int nodes() const { return int(ends_.size()); }

 private:
  friend class AutomatonBuilder;
  NodeId start_ = 0;
  std::vector<std::size_t> first_arc_;  // [nodes + 1]
  std::vector<Arc> arcs_;
  std::vector<NodeId> pushed_;
  std::vector<uint8_t> ends_;  // [nodes]
};

// Rules are drawn as graphs from a start to an end: edges take a byte, another rule, or nothing.
class AutomatonBuilder {
 public:
  RuleId add_rule();
  NodeId start(RuleId rule) const { return rules_[rule].start; }
  NodeId end(RuleId rule) const { return rules_[rule].end; }

  NodeId add_node();  // throws kBadRequest beyond kMostNodes
  void skip(NodeId from, NodeId to) { edges_[from].push_back({kSkip, 0, 0, 0, to}); }
  void bytes(NodeId from, uint8_t low, uint8_t high, NodeId to) { edges_[from].push_back({kBytes, low, high, 0, to}); }
  void call(NodeId from, RuleId rule, NodeId to) { edges_[from].push_back({kCall, 0, 0, rule, to}); }

  // The same with a new node at the far end, which they return.
  NodeId text(NodeId from, std::string_view text);
  NodeId bytes(NodeId from, uint8_t low, uint8_t high);
  NodeId call(NodeId from, RuleId rule);

  // Throws kBadRequest when no text at all ends the rule, or when a rule calls itself before it takes a byte.
  Automaton finish(RuleId root);

  static constexpr int kMostNodes = 100'000;

 private:
  enum EdgeKind : uint8_t { kSkip, kBytes, kCall };
  struct Edge {
    EdgeKind kind;
    uint8_t low, high;
    RuleId rule;
    NodeId to;
  };
  struct Rule {
    NodeId start, end;
  };

  void find_completable();
  void find_empty();
  void trim();
  void walk(NodeId node, Automaton& automaton);
  bool edge_completes(const Edge& edge) const;

  std::vector<std::vector<Edge>> edges_;  // [nodes]
  std::vector<Rule> rules_;

  std::vector<uint8_t> completes_;  // [nodes] the end of the rule can be reached
  std::vector<uint8_t> empty_;      // [nodes] without a byte
  struct Visit {
    std::vector<RuleId> rules;              // being walked
    std::vector<NodeId> returns;            // pushed on the way
    std::vector<std::vector<NodeId>> seen;  // nodes of each of these rules' walks
  } visit_;
};

}  // namespace leankv
